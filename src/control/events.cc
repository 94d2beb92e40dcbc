#include "control/events.h"

#include <algorithm>

#include "base/utf16.h"

namespace hvis::control {
namespace {

/// The field's value; nullptr if the event has no such field.
const std::string* field_of(const Event& event, std::string_view name) {
    const auto found = std::ranges::find(
        event.fields, name, [](const auto& field) { return std::string_view(field.first); });
    return found == event.fields.end() ? nullptr : &found->second;
}

/// Calls `plain` with the text between the fields and `field` with each name, in order.
void walk_template(std::string_view text, auto plain, auto field) {
    while (!text.empty()) {
        const size_t open = text.find('{');
        plain(text.substr(0, open));
        if (open == std::string_view::npos) {
            return;
        }
        const size_t close = text.find('}', open);
        field(text.substr(open + 1, close - open - 1));
        text.remove_prefix(close + 1);
    }
}

std::string fields_of(std::string_view text) {
    std::string fields;
    walk_template(
        text, [](std::string_view) {},
        [&](std::string_view name) {
            fields += fields.empty() ? "`" : " `";
            fields += name;
            fields += '`';
        });
    return fields;
}

}  // namespace

std::string_view to_string(Severity severity) {
    switch (severity) {
        case Severity::kInfo:
            return "info";
        case Severity::kWarning:
            return "warning";
        case Severity::kError:
            return "error";
        case Severity::kCritical:
            return "critical";
    }
    return "critical";
}

std::string message_id(uint16_t event) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    const unsigned number = event;
    std::string id = "5d1c7a0f94e34b7c8a26f0b9e31d";
    for (unsigned shift = 16; shift != 0; shift -= 4) {
        id += kDigits[(number >> (shift - 4)) & 15U];
    }
    return id;
}

LogLevel log_level_of(Severity severity) {
    switch (severity) {
        case Severity::kInfo:
            return LogLevel::kInfo;
        case Severity::kWarning:
            return LogLevel::kWarning;
        case Severity::kError:
        case Severity::kCritical:
            return LogLevel::kError;
    }
    return LogLevel::kError;
}

std::string event_text(const Event& event) {
    std::string text;
    walk_template(
        spec_of(event.id).text, [&](std::string_view plain) { text += plain; },
        [&](std::string_view name) {
            const std::string* value = field_of(event, name);
            text += value == nullptr ? "?" : escape_for_display(*value);
        });
    return text;
}

std::string event_service(const Event& event) {
    const std::string_view service = spec_of(event.id).service;
    if (service != "*") {
        return std::string(service);
    }
    const std::string* field = field_of(event, "service");
    return field == nullptr ? "machine" : *field;
}

std::string events_page() {
    std::string page =
        "# Events\n\n"
        "Every event that `hvis-vm` and `hvisd` record, by number. Numbers are never used twice "
        "for "
        "different things.\nThis page is generated from `src/control/event_table.cc` by `hvis-vm "
        "--events-table`; a test compares the two.\n\n"
        "In the journal an event has the fields `HVIS_EVENT` (name), `HVIS_EVENT_ID` (number), "
        "`HVIS_SEQUENCE` (place in\nthe host's log: it only grows and is never given twice, but "
        "numbers are left out where the host has lost its power),\n`HVIS_SERVICE`, for an event of "
        "a VM "
        "`HVIS_VM` "
        "and `HVIS_VM_ID`, and a `MESSAGE_ID`:\n`" +
        message_id(0).substr(0, 28) +
        "` and the number "
        "as four hex digits, so 3001 is `" +
        message_id(3001) +
        "`.\n\n"
        "| Number | Name | Severity | Service | Text |\n|---|---|---|---|---|\n";
    for (const EventSpec& spec : event_table()) {
        page += "| " + std::to_string(std::to_underlying(spec.id)) + " | `";
        page += spec.name;
        page += "` | ";
        page += to_string(spec.severity);
        page += " | ";
        page += spec.service == "*" ? "the service" : spec.service;
        page += " | ";
        page += spec.text;
        page += " |\n";
    }
    for (const EventSpec& spec : event_table()) {
        page += "\n## " + std::to_string(std::to_underlying(spec.id)) + " ";
        page += spec.name;
        page += "\n";
        page += spec.meaning;
        page += "\n";
        if (const std::string fields = fields_of(spec.text); !fields.empty()) {
            page += "\nFields: " + fields + "\n";
        }
    }
    return page;
}

}  // namespace hvis::control

#include "manager/events/stored_event.h"

#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

#include "base/utf16.h"
#include "control/time_text.h"

namespace hvis::manager {
namespace {

using control::Json;
using control::Severity;

constexpr std::array kSeverities = {Severity::kInfo, Severity::kWarning, Severity::kError,
                                    Severity::kCritical};

/// The text, cut to `longest` bytes between two characters.
std::string cut(std::string text, size_t longest) {
    if (text.size() > longest) {
        size_t end = longest;
        while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80U) {
            --end;
        }
        text.resize(end);
    }
    return text;
}

std::string text_of(const Json& object, std::string_view name, size_t longest) {
    const auto found = object.find(name);
    return found != object.end() && found->is_string() ? cut(found->get<std::string>(), longest)
                                                       : std::string();
}

/// Workers escape what comes from the guest. Where control characters are left all the same, the
/// worker is not to be trusted, and the whole text is escaped.
std::string safe(std::string text) {
    const bool dangerous = std::ranges::any_of(text, [](char c) {
        return static_cast<unsigned char>(c) < 0x20U || static_cast<unsigned char>(c) == 0x7fU;
    });
    return dangerous ? escape_for_display(text) : text;
}

control::EventFields fields_of(const Json& event) {
    control::EventFields fields;
    const auto found = event.find("fields");
    if (found == event.end() || !found->is_object()) {
        return fields;
    }
    for (const auto& [name, value] : found->items()) {
        if (fields.size() == kMaxEventFields) {
            break;
        }
        if (value.is_string()) {
            fields.emplace_back(cut(name, kMaxEventNameBytes),
                                cut(value.get<std::string>(), kMaxEventFieldBytes));
        }
    }
    return fields;
}

/// A number of the object from 0 to `highest`; 0 for anything else.
uint64_t number_of(const Json& object, std::string_view name, uint64_t highest) {
    const auto found = object.find(name);
    const bool number = found != object.end() && found->is_number_integer() &&
                        (found->is_number_unsigned() || found->get<int64_t>() >= 0);
    const uint64_t value = number ? found->get<uint64_t>() : 0;
    return value <= highest ? value : 0;
}

}  // namespace

Json to_json(const StoredEvent& event) {
    Json fields = Json::object();
    for (const auto& [name, value] : event.fields) {
        fields[name] = value;
    }
    Json value = {{"sequence", event.sequence},
                  {"time", control::time_text(event.time)},
                  {"id", event.id},
                  {"name", event.name},
                  {"severity", control::to_string(event.severity)},
                  {"service", event.service},
                  {"text", event.text},
                  {"fields", std::move(fields)}};
    if (event.vm) {
        value["vm"] = event.vm->to_string();
        value["vm_name"] = event.vm_name;
    }
    return value;
}

std::optional<WorkersEvent> workers_event_from_json(const Json& value) {
    // Numbers of the protocol end at 2^53-1, where doubles stop being exact.
    constexpr uint64_t kHighestSequence = (uint64_t{1} << 53U) - 1;
    if (!value.is_object()) {
        return std::nullopt;
    }
    WorkersEvent result;
    result.sequence = number_of(value, "sequence", kHighestSequence);
    if (result.sequence == 0) {
        return std::nullopt;
    }
    StoredEvent& event = result.event;
    event.id = static_cast<uint16_t>(number_of(value, "id", UINT16_MAX));
    event.time = control::parse_time(text_of(value, "time", kMaxEventNameBytes))
                     .value_or(WallTime::from_system(std::chrono::system_clock::now()));
    event.name = safe(text_of(value, "name", kMaxEventNameBytes));
    event.severity =
        severity_from(text_of(value, "severity", kMaxEventNameBytes)).value_or(Severity::kWarning);
    event.service = safe(text_of(value, "service", kMaxEventNameBytes));
    event.text = safe(text_of(value, "text", kMaxEventTextBytes));
    event.fields = fields_of(value);
    return result;
}

std::optional<Severity> severity_from(std::string_view word) {
    const auto found = std::ranges::find(
        kSeverities, word, [](Severity severity) { return control::to_string(severity); });
    return found == kSeverities.end() ? std::nullopt : std::optional(*found);
}

bool EventFilter::matches(const StoredEvent& event) const {
    return (!vm || event.vm == vm) && (!from || event.time >= *from) &&
           (!until || event.time <= *until) && event.severity >= at_least &&
           (service.empty() || event.service == service) &&
           (ids.empty() || std::ranges::find(ids, event.id) != ids.end());
}

}  // namespace hvis::manager

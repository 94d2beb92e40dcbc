#include "worker/client/show.h"

#include <nlohmann/json.hpp>

#include "worker/client/duration.h"
#include "worker/client/table.h"

namespace hvis::worker {
namespace {

using control::Json;

constexpr int64_t kMebibyte = int64_t{1024} * 1024;

const Json& at(const Json& object, const char* name) {
    static const Json nothing;
    if (!object.is_object()) {
        return nothing;
    }
    const auto found = object.find(name);
    return found == object.end() ? nothing : *found;
}

/// Text as it is, other values as JSON, nothing for what is missing.
std::string text_of(const Json& value) {
    if (const auto* text = value.get_ptr<const std::string*>(); text != nullptr) {
        return printable(*text);
    }
    if (value.is_boolean()) {
        return value.get<bool>() ? "yes" : "no";
    }
    return value.is_null() ? std::string() : printable(control::dump_json(value));
}

std::string text_at(const Json& object, const char* name) { return text_of(at(object, name)); }

int64_t number_at(const Json& object, const char* name) {
    const Json& value = at(object, name);
    return value.is_number_integer() ? value.get<int64_t>() : 0;
}

std::string duration_at(const Json& object, const char* name) {
    return duration_text(std::chrono::milliseconds(number_at(object, name)));
}

std::string joined(const Json& list, std::string_view between = ", ") {
    std::string text;
    if (list.is_array()) {
        for (const Json& item : list) {
            text += (text.empty() ? "" : std::string(between)) + text_of(item);
        }
    }
    return text;
}

void add_row(std::vector<Row>& rows, std::string_view name, std::string value) {
    if (!value.empty()) {
        rows.push_back({std::string(name), std::move(value)});
    }
}

/// "ok", "ok (applications unknown)", "degraded (protocol_mismatch)".
std::string status_word(const Json& service) {
    std::string word = text_at(service, "primary");
    if (const std::string second = text_at(service, "secondary"); second != "ok") {
        word += " (" + second + ")";
    } else if (const std::string applications = text_at(service, "applications");
               !applications.empty()) {
        word += " (applications " + applications + ")";
    }
    return word;
}

std::string services_text(const Json& services) {
    std::vector<Row> rows = {{"SERVICE", "STATUS", "VERSION", "SINCE", "EXPLANATION"}};
    if (services.is_array()) {
        for (const Json& service : services) {
            const std::string version = text_at(service, "message");
            rows.push_back({text_at(service, "service"), status_word(service),
                            version.empty() ? "-" : version, text_at(service, "since"),
                            text_at(service, "explanation")});
        }
    }
    return table_text(rows);
}

std::string guest_text(const Json& guest) {
    std::string text;
    for (const char* name : {"os_name", "os_version", "os_build", "architecture"}) {
        if (const std::string part = text_at(guest, name); !part.empty()) {
            text += (text.empty() ? "" : " ") + part;
        }
    }
    return text;
}

std::string addresses_text(const Json& object) {
    const std::string text = joined(at(object, "ipv4"));
    const std::string more = joined(at(object, "ipv6"));
    return text + (text.empty() || more.empty() ? "" : ", ") + more;
}

std::string show_status(const Json& result) {
    std::vector<Row> rows = {{text_at(result, "name"), text_at(result, "id")}};
    const Json& guest = at(result, "guest");
    const int64_t processors = number_at(result, "processors");
    add_row(rows, "State", text_at(result, "state") + ", up " + duration_at(result, "uptime_ms"));
    add_row(rows, "Hardware",
            std::to_string(processors) + (processors == 1 ? " processor, " : " processors, ") +
                std::to_string(number_at(result, "memory") / kMebibyte) + " MiB");
    add_row(rows, "VMBus", text_at(result, "vmbus_version"));
    add_row(rows, "Guest", guest_text(guest));
    add_row(rows, "Host name", text_at(guest, "fqdn"));
    add_row(rows, "Addresses", addresses_text(guest));
    if (const Json& crash = at(result, "crash"); crash.is_object()) {
        add_row(rows, "Crash", text_at(crash, "at") + " " + text_at(crash, "text"));
        add_row(rows, "", joined(at(crash, "parameters"), " "));
    }
    add_row(rows, "Exits", text_at(result, "exits"));
    return table_text(rows) + "\n" + services_text(at(result, "services"));
}

std::string show_counts(const Json& result) {
    std::string text;
    for (const char* name : {"exits", "counters"}) {
        std::vector<Row> rows = {{name[0] == 'e' ? "EXIT" : "COUNTER", "COUNT"}};
        if (const Json& counts = at(result, name); counts.is_object()) {
            for (const auto& [key, count] : counts.items()) {
                rows.push_back({printable(key), text_of(count)});
            }
        }
        text += (text.empty() ? "" : "\n") + table_text(rows);
    }
    return text;
}

std::string show_pairs(const Json& result) {
    std::vector<Row> rows = {{"KEY", "VALUE"}};
    if (const Json& pairs = at(result, "pairs"); pairs.is_array()) {
        for (const Json& pair : pairs) {
            rows.push_back({text_at(pair, "key"), text_at(pair, "value")});
        }
    }
    return table_text(rows);
}

std::string show_one_value(const Json& result) {
    const Json& pairs = at(result, "pairs");
    return pairs.is_array() && !pairs.empty() ? text_at(pairs[0], "value") + "\n" : "\n";
}

std::string show_time(const Json& result) {
    std::vector<Row> rows;
    add_row(rows, "Host time", text_at(result, "host_time"));
    add_row(rows, "Last sync", text_at(result, "last_sync"));
    add_row(rows, "Last sample", text_at(result, "last_sample"));
    add_row(rows, "Syncs", text_at(result, "syncs"));
    add_row(rows, "Samples", text_at(result, "samples"));
    add_row(rows, "Reference time", text_at(result, "reference_time"));
    return table_text(rows) + "\n" + services_text(Json::array({at(result, "service")}));
}

void add_policy(std::vector<Row>& rows, const Json& policy) {
    add_row(rows, "Interval", duration_at(policy, "interval_ms"));
    add_row(rows, "Latency", duration_at(policy, "latency_ms"));
    add_row(rows, "Lost after",
            text_at(policy, "misses") + " misses in " + text_at(policy, "window") + " beats");
    add_row(rows, "Grace", duration_at(policy, "grace_ms"));
    add_row(rows, "On loss",
            text_at(policy, "on_loss") + ", at most " + text_at(policy, "attempts") + " times");
}

std::string show_heartbeat(const Json& result) {
    std::vector<Row> rows;
    add_policy(rows, at(result, "policy"));
    if (at(result, "service").is_null()) {
        return table_text(rows);
    }
    add_row(rows, "Sent", text_at(result, "sent"));
    add_row(rows, "Answered", text_at(result, "answered"));
    add_row(rows, "Missed",
            text_at(result, "missed") + " of the last " + text_at(at(result, "policy"), "window"));
    add_row(rows, "Last answer", text_at(result, "last_answer"));
    add_row(rows, "Actions taken", text_at(result, "attempts_used"));
    return table_text(rows) + "\n" + services_text(Json::array({at(result, "service")}));
}

std::string show_events(const Json& result) {
    std::string text;
    if (const int64_t lost = number_at(result, "lost"); lost != 0) {
        text = "(" + std::to_string(lost) + " older events are no longer kept)\n";
    }
    if (const Json& events = at(result, "events"); events.is_array()) {
        for (const Json& event : events) {
            text += show_event(event);
        }
    }
    return text;
}

std::string show_addresses(const Json& result) {
    std::string text;
    for (const char* name : {"ipv4", "ipv6"}) {
        if (const std::string lines = joined(at(result, name), "\n"); !lines.empty()) {
            text += lines + "\n";
        }
    }
    return text;
}

/// One overload for each request that has something to show.
struct Shower {
    const Json& result;

    std::string operator()(const auto&) const { return {}; }
    std::string operator()(const control::StatusCommand&) const { return show_status(result); }
    std::string operator()(const control::StatsCommand&) const { return show_counts(result); }
    std::string operator()(const control::ServiceListCommand&) const {
        return services_text(at(result, "services"));
    }
    std::string operator()(const control::KvpListCommand&) const { return show_pairs(result); }
    std::string operator()(const control::KvpGetCommand&) const { return show_one_value(result); }
    std::string operator()(const control::IpShowCommand&) const { return show_addresses(result); }
    std::string operator()(const control::TimeShowCommand&) const { return show_time(result); }
    std::string operator()(const control::HeartbeatShowCommand&) const {
        return show_heartbeat(result);
    }
    std::string operator()(const control::HeartbeatSetCommand&) const {
        return show_heartbeat(result);
    }
    std::string operator()(const control::EventsListCommand&) const { return show_events(result); }
};

}  // namespace

std::string show_result(const control::Command& command, const Json& result) {
    return std::visit(Shower{result}, command);
}

std::string show_event(const Json& event) {
    return text_at(event, "sequence") + "  " + text_at(event, "time") + "  " +
           text_at(event, "severity") + "  " + text_at(event, "service") + "  " +
           text_at(event, "id") + " " + text_at(event, "name") + ": " + text_at(event, "text") +
           "\n";
}

}  // namespace hvis::worker

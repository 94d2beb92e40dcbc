#include "control/show.h"

#include <nlohmann/json.hpp>

#include "control/show_fields.h"

namespace hvis::control {
namespace {

constexpr int64_t kMebibyte = int64_t{1024} * 1024;

/// "ok", "ok (applications unknown)", "degraded (protocol_mismatch)", "disabled".
std::string status_word(const Json& service) {
    std::string word = text_at(service, "primary");
    if (word == "disabled") {
        return word;
    }
    if (const std::string second = text_at(service, "secondary"); second != "ok") {
        word += " (" + second + ")";
    } else if (const std::string applications = text_at(service, "applications");
               !applications.empty()) {
        word += " (applications " + applications + ")";
    }
    return word;
}

/// "4.0", "-", "3.0 (at most 3.0)".
std::string version_word(const Json& service) {
    const std::string version = text_at(service, "message");
    const std::string limit = text_at(service, "max_version");
    return (version.empty() ? "-" : version) + (limit.empty() ? "" : " (at most " + limit + ")");
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
    const std::string text = joined(member_of(object, "ipv4"));
    const std::string more = joined(member_of(object, "ipv6"));
    return text + (text.empty() || more.empty() ? "" : ", ") + more;
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

/// "250us", "1s": the bound of a bucket.
std::string bound_text(int64_t us) {
    if (us % 1'000'000 == 0) {
        return std::to_string(us / 1'000'000) + "s";
    }
    return us % 1'000 == 0 ? std::to_string(us / 1'000) + "ms" : std::to_string(us) + "us";
}

std::string show_measurements(const Json& result) {
    const Json& heartbeat = member_of(result, "heartbeat");
    const Json& clock = member_of(result, "clock");
    std::vector<Row> rows = {{"MEASURED", "VALUE"}};
    const auto add = [&](const Json& object, const char* name, const char* label,
                         const char* unit) {
        if (const std::string value = text_at(object, name); !value.empty()) {
            rows.push_back({label, value + unit});
        }
    };
    add(heartbeat, "age_ms", "heartbeat, last answer", "ms ago");
    const Json& buckets = member_of(member_of(heartbeat, "round_trip"), "buckets");
    for (const Json& bucket : buckets.is_array() ? buckets : Json::array()) {
        if (const std::string count = text_at(bucket, "count"); count != "0") {
            const bool last = member_of(bucket, "up_to_us").is_null();
            rows.push_back(
                {last ? "heartbeat, longer than that"
                      : "heartbeat, answers within " + bound_text(number_at(bucket, "up_to_us")),
                 count});
        }
    }
    add(clock, "offset_us", "clock, guest ahead of host", "us");
    add(clock, "round_trip_us", "clock, last sample answered", "us later");
    return rows.size() == 1 ? std::string() : "\n" + table_text(rows);
}

}  // namespace

std::string show_services(const Json& services) {
    std::vector<Row> rows = {{"SERVICE", "STATUS", "VERSION", "SINCE", "EXPLANATION"}};
    if (services.is_array()) {
        for (const Json& service : services) {
            const std::string since = text_at(service, "since");
            rows.push_back({text_at(service, "service"), status_word(service),
                            version_word(service), since.empty() ? "-" : since,
                            text_at(service, "explanation")});
        }
    }
    return table_text(rows);
}

std::string show_status(const Json& result) {
    std::vector<Row> rows = {{text_at(result, "name"), text_at(result, "id")}};
    const Json& guest = member_of(result, "guest");
    const int64_t processors = number_at(result, "processors");
    add_row(rows, "State", text_at(result, "state") + ", up " + duration_at(result, "uptime_ms"));
    add_row(rows, "Hardware",
            std::to_string(processors) + (processors == 1 ? " processor, " : " processors, ") +
                std::to_string(number_at(result, "memory") / kMebibyte) + " MiB");
    add_row(rows, "VMBus", text_at(result, "vmbus_version"));
    add_row(rows, "Guest", guest_text(guest));
    add_row(rows, "Host name", text_at(guest, "fqdn"));
    add_row(rows, "Addresses", addresses_text(guest));
    if (const Json& crash = member_of(result, "crash"); crash.is_object()) {
        add_row(rows, "Crash", text_at(crash, "at") + " " + text_at(crash, "text"));
        add_row(rows, "", joined(member_of(crash, "parameters"), " "));
    }
    add_row(rows, "Exits", text_at(result, "exits"));
    return table_text(rows) + "\n" + show_services(member_of(result, "services"));
}

std::string show_stats(const Json& result) {
    std::string text;
    for (const char* name : {"exits", "counters"}) {
        std::vector<Row> rows = {{name[0] == 'e' ? "EXIT" : "COUNTER", "COUNT"}};
        if (const Json& counts = member_of(result, name); counts.is_object()) {
            for (const auto& [key, count] : counts.items()) {
                rows.push_back({printable(key), text_of(count)});
            }
        }
        text += (text.empty() ? "" : "\n") + table_text(rows);
    }
    return text + show_measurements(result);
}

std::string show_pairs(const Json& result) {
    std::vector<Row> rows = {{"KEY", "VALUE"}};
    if (const Json& pairs = member_of(result, "pairs"); pairs.is_array()) {
        for (const Json& pair : pairs) {
            rows.push_back({text_at(pair, "key"), text_at(pair, "value")});
        }
    }
    std::string text = table_text(rows);
    if (const int64_t unreadable = number_at(result, "unreadable"); unreadable != 0) {
        text += "(" + std::to_string(unreadable) + " more could not be read)\n";
    }
    if (member_of(result, "truncated") == true) {
        text += "(the guest has more than are listed)\n";
    }
    return text;
}

std::string show_one_value(const Json& result) {
    const Json& pairs = member_of(result, "pairs");
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
    const std::string offset = text_at(result, "guest_offset_us");
    add_row(rows, "Guest ahead by",
            offset.empty() ? "not known: the guest does not tell its clock" : offset + " us");
    return table_text(rows) + "\n" + show_services(Json::array({member_of(result, "service")}));
}

std::string show_heartbeat(const Json& result) {
    std::vector<Row> rows;
    add_policy(rows, member_of(result, "policy"));
    if (member_of(result, "service").is_null()) {
        return table_text(rows);
    }
    add_row(rows, "Sent", text_at(result, "sent"));
    add_row(rows, "Answered", text_at(result, "answered"));
    add_row(rows, "Missed",
            text_at(result, "missed") + " of the last " +
                text_at(member_of(result, "policy"), "window"));
    add_row(rows, "Last answer", text_at(result, "last_answer"));
    add_row(rows, "Actions taken", text_at(result, "attempts_used"));
    return table_text(rows) + "\n" + show_services(Json::array({member_of(result, "service")}));
}

std::string show_events(const Json& result) {
    std::string text;
    if (const int64_t lost = number_at(result, "lost"); lost != 0) {
        text = "(" + std::to_string(lost) + " older events are no longer kept)\n";
    }
    if (const Json& events = member_of(result, "events"); events.is_array()) {
        for (const Json& event : events) {
            text += show_event(event);
        }
    }
    return text;
}

std::string show_addresses(const Json& result) {
    std::string text;
    for (const char* name : {"ipv4", "ipv6"}) {
        if (const std::string lines = joined(member_of(result, name), "\n"); !lines.empty()) {
            text += lines + "\n";
        }
    }
    return text;
}

std::string show_event(const Json& event) {
    return text_at(event, "sequence") + "  " + text_at(event, "time") + "  " +
           text_at(event, "severity") + "  " + text_at(event, "service") + "  " +
           text_at(event, "id") + " " + text_at(event, "name") + ": " + text_at(event, "text") +
           "\n";
}

}  // namespace hvis::control

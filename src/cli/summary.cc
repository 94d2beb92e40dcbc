#include "cli/summary.h"

#include <vector>

#include <nlohmann/json.hpp>

#include "base/table.h"
#include "control/show.h"
#include "control/show_fields.h"

namespace hvis::cli {
namespace {

using control::add_row;
using control::duration_at;
using control::joined;
using control::member_of;
using control::number_at;
using control::text_at;

constexpr int64_t kMebibyte = int64_t{1024} * 1024;

std::string mebibytes(int64_t bytes) { return std::to_string(bytes / kMebibyte) + " MiB"; }

std::string memory_text(const Json& definition) {
    return mebibytes(number_at(definition, "memory"));
}

/// "512 MiB (64 MiB now)": what a VM will have, and what it runs with where that is another.
std::string with_now(const Json& summary, const char* name, std::string (*text)(int64_t)) {
    const std::string defined = text(number_at(member_of(summary, "definition"), name));
    const Json& now = member_of(member_of(summary, "status"), name);
    const std::string running = now.is_number_integer() ? text(now.get<int64_t>()) : defined;
    return defined + (running == defined ? "" : " (" + running + " now)");
}

std::string counted_processors(int64_t count) {
    return std::to_string(count) + (count == 1 ? " processor" : " processors");
}

std::string processors_text(const Json& definition) {
    return counted_processors(number_at(definition, "processors"));
}

/// A worker that does not answer has left word of what was, not of what is.
bool is_unreachable(const Json& summary) { return text_at(summary, "state") == "unreachable"; }

/// Status of the heartbeat in few words, "-" while there is none.
std::string heartbeat_words(const Json& vm) {
    if (is_unreachable(vm)) {
        return "unknown";
    }
    const Json& status = member_of(vm, "status");
    if (const Json& services = member_of(status, "services"); services.is_array()) {
        for (const Json& service : services) {
            if (text_at(service, "service") == "heartbeat") {
                const std::string primary = text_at(service, "primary");
                // The guest answers, and says that its applications do not.
                const bool critical = text_at(service, "applications") == "critical";
                return primary == "ok" && critical ? "applications critical" : primary;
            }
        }
    }
    return "-";
}

/// Behind what a VM runs with, where its next start will give it something else.
constexpr std::string_view kChanges = "*";

/// A number of what the VM runs with; of one that does not run, of what it will have.
std::string now_text(const Json& vm, const char* name, std::string (*text)(int64_t)) {
    const int64_t defined = number_at(member_of(vm, "definition"), name);
    const Json& status = member_of(vm, "status");
    if (!member_of(status, name).is_number_integer()) {
        return text(defined);
    }
    const int64_t now = number_at(status, name);
    return text(now) + std::string(now == defined ? "" : kChanges);
}

std::string or_dash(std::string text) { return text.empty() ? "-" : std::move(text); }

std::string services_word(const Json& services) {
    std::string text;
    if (services.is_object()) {
        for (const auto& [name, enabled] : services.items()) {
            const bool on = enabled.is_boolean() && enabled.get<bool>();
            text += (text.empty() ? "" : ", ") + printable(name) + (on ? " on" : " off");
        }
    }
    return text;
}

/// What a disabled service says of its guest's applications is worth nothing.
Json without_moot(Json services) {
    if (services.is_array()) {
        for (Json& service : services) {
            if (text_at(service, "primary") == "disabled") {
                service.erase("applications");
            }
        }
    }
    return services;
}

/// "was ok", for what is known from before; what the host itself decides is so still.
Json as_last_known(Json services) {
    if (services.is_array()) {
        for (Json& service : services) {
            const std::string primary = text_at(service, "primary");
            if (primary != "disabled") {
                service["primary"] = "was " + primary;
            }
        }
    }
    return services;
}

std::string unreachable_text(const Json& summary) {
    const Json& status = member_of(summary, "status");
    const std::string name = text_at(summary, "name");
    std::vector<Row> rows = {{name, text_at(summary, "id")}};
    add_row(rows, "State", "unreachable");
    add_row(rows, "Why", text_at(summary, "explanation"));
    add_row(rows, "Next step", "cut its power: hvis stop " + name + " --power-off");
    add_row(rows, "Hardware",
            with_now(summary, "processors", counted_processors) + ", " +
                with_now(summary, "memory", mebibytes));
    const std::string addresses = joined(member_of(member_of(status, "guest"), "ipv4"));
    add_row(rows, "Addresses", addresses.empty() ? "" : addresses + " (last known)");
    if (!status.is_object()) {
        return table_text(rows);
    }
    return table_text(rows) + "\nAs last known, before the worker fell silent:\n" +
           control::show_services(as_last_known(without_moot(member_of(status, "services"))));
}

std::string autostart_text(const Json& autostart) {
    if (text_at(autostart, "enabled") != "yes") {
        return "no";
    }
    return "yes, order " + text_at(autostart, "order") + ", then wait " +
           duration_at(autostart, "delay_ms") + "; shut down with the host within " +
           duration_at(autostart, "stop_timeout_ms");
}

std::string restart_text(const Json& restart) {
    const std::string when = text_at(restart, "when");
    return when == "never"
               ? when
               : when + ", at most " + text_at(restart, "attempts") + " times in a row, after " +
                     duration_at(restart, "first_delay_ms") + " to " +
                     duration_at(restart, "longest_delay_ms") + ", counted anew after " +
                     duration_at(restart, "forgive_after_ms");
}

std::string vmbus_text(const Json& vmbus) {
    const std::string limit = text_at(vmbus, "max_version");
    return limit.empty() ? "" : "at most " + limit;
}

/// "kvp at most 4.0": as hvisd has them, the names in order.
std::string limits_text(const Json& versions) {
    std::string text;
    if (versions.is_object()) {
        for (const auto& [name, version] : versions.items()) {
            text += (text.empty() ? "" : ", ") + printable(name) + " at most " +
                    printable(control::text_of(version));
        }
    }
    return text;
}

void add_heartbeat(std::vector<Row>& rows, const Json& policy) {
    add_row(rows, "Heartbeat",
            "every " + duration_at(policy, "interval_ms") + ", lost after " +
                text_at(policy, "misses") + " of " + text_at(policy, "window") + " missed, then " +
                text_at(policy, "on_loss"));
}

}  // namespace

std::string summaries_text(const Json& list) {
    std::vector<Row> rows = {{"NAME", "STATE", "UP", "HEARTBEAT", "MEMORY", "CPUS", "ADDRESSES"}};
    bool changes = false;
    if (const Json& vms = member_of(list, "vms"); vms.is_array()) {
        for (const Json& vm : vms) {
            const Json& status = member_of(vm, "status");
            const std::string memory = now_text(vm, "memory", mebibytes);
            const std::string processors = now_text(vm, "processors", std::to_string);
            changes |= memory.ends_with(kChanges) || processors.ends_with(kChanges);
            rows.push_back(
                {text_at(vm, "name"), text_at(vm, "state"),
                 status.is_object() && !is_unreachable(vm) ? duration_at(status, "uptime_ms") : "-",
                 heartbeat_words(vm), memory, processors,
                 or_dash(joined(member_of(member_of(status, "guest"), "ipv4")))});
        }
    }
    return table_text(rows) +
           (changes ? "* something else from its next start: hvis vm show NAME\n" : "");
}

std::string status_text(const Json& summary) {
    if (is_unreachable(summary)) {
        return unreachable_text(summary);
    }
    const Json& status = member_of(summary, "status");
    const std::string explanation = text_at(summary, "explanation");
    if (status.is_object()) {
        Json shown = status;
        shown["services"] = without_moot(member_of(status, "services"));
        return control::show_status(shown) + (explanation.empty() ? "" : "\n" + explanation + "\n");
    }
    std::vector<Row> rows = {{text_at(summary, "name"), text_at(summary, "id")}};
    const std::string since = text_at(summary, "since");
    add_row(rows, "State", text_at(summary, "state") + (since.empty() ? "" : " since " + since));
    add_row(rows, "Why", explanation);
    const Json& definition = member_of(summary, "definition");
    add_row(rows, "Hardware", processors_text(definition) + ", " + memory_text(definition));
    add_row(rows, "Services", services_word(member_of(definition, "services")));
    return table_text(rows);
}

std::string services_text(const Json& services) {
    return control::show_services(without_moot(services));
}

std::string heartbeat_text(const Json& heartbeat) {
    Json shown = heartbeat;
    if (const Json& service = member_of(heartbeat, "service"); service.is_object()) {
        shown["service"] = without_moot(Json::array({service})).front();
    }
    return control::show_heartbeat(shown);
}

std::string definition_text(const Json& summary) {
    const Json& definition = member_of(summary, "definition");
    std::vector<Row> rows = {{text_at(summary, "name"), text_at(summary, "id")}};
    add_row(rows, "Description", text_at(definition, "description"));
    add_row(rows, "State", text_at(summary, "state"));
    add_row(rows, "Partition", text_at(definition, "partition"));
    add_row(rows, "Memory", with_now(summary, "memory", mebibytes));
    add_row(rows, "Processors", with_now(summary, "processors", std::to_string));
    add_row(rows, "Kernel", text_at(definition, "kernel"));
    add_row(rows, "Initrd", text_at(definition, "initrd"));
    add_row(rows, "Append", text_at(definition, "append"));
    add_row(rows, "Services", services_word(member_of(definition, "services")));
    add_row(rows, "Versions", limits_text(member_of(definition, "service_versions")));
    add_heartbeat(rows, member_of(definition, "heartbeat"));
    add_row(rows, "Autostart", autostart_text(member_of(definition, "autostart")));
    add_row(rows, "Restart", restart_text(member_of(definition, "restart")));
    add_row(rows, "On crash", text_at(definition, "on_crash"));
    add_row(rows, "On reset", text_at(definition, "on_reset"));
    add_row(rows, "VMBus", vmbus_text(member_of(definition, "vmbus")));
    return table_text(rows);
}

}  // namespace hvis::cli

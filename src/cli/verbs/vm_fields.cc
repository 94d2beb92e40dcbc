#include "cli/verbs/vm_fields.h"

#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

#include "control/service_versions.h"

namespace hvis::cli {
namespace {

constexpr std::array<std::string_view, 3> kRestarts = {"never", "on_failure", "always"};
constexpr std::array<std::string_view, 2> kStops = {"restart", "stop"};
constexpr std::string_view kNewest = "newest";
constexpr std::array<std::string_view, 9> kVmbusVersions = {"2.4", "3.0", "4.0", "4.1",  "5.0",
                                                            "5.1", "5.2", "5.3", kNewest};

void put(Json& object, const char* name, const std::string& text) {
    if (!text.empty()) {
        object[name] = text;
    }
}

template <class Value>
void put(Json& object, const char* name, const std::optional<Value>& value) {
    if (value) {
        object[name] = *value;
    }
}

void put(Json& object, const char* name, const VmFields::Time& time) {
    if (time) {
        object[name] = time->count();
    }
}

/// A section in which nothing was given is not sent.
void put_section(Json& object, const char* name, Json section) {
    if (!section.empty()) {
        object[name] = std::move(section);
    }
}

Json autostart_of(const VmFields& fields) {
    Json section = Json::object();
    put(section, "enabled", fields.autostart);
    put(section, "order", fields.autostart_order);
    put(section, "delay_ms", fields.autostart_delay);
    put(section, "stop_timeout_ms", fields.stop_timeout);
    return section;
}

Json restart_of(const VmFields& fields) {
    Json section = Json::object();
    put(section, "when", fields.restart);
    put(section, "attempts", fields.restart_attempts);
    put(section, "first_delay_ms", fields.restart_delay);
    put(section, "longest_delay_ms", fields.restart_longest_delay);
    put(section, "forgive_after_ms", fields.restart_forgive_after);
    return section;
}

Json acpi_of(const VmFields& fields) {
    Json section = Json::object();
    put(section, "s4", fields.acpi_s4);
    return section;
}

Json vmbus_of(const VmFields& fields) {
    Json section = Json::object();
    if (fields.vmbus_version == kNewest) {
        section["max_version"] = nullptr;
    } else {
        put(section, "max_version", fields.vmbus_version);
    }
    return section;
}

Json service_versions_of(const VmFields& fields) {
    Json section = Json::object();
    for (const auto& [service, version] : fields.service_versions) {
        section[service] = version == kNewest ? Json() : Json(version);
    }
    return section;
}

/// "kvp=4.0" or "kvp=newest"; else what was expected.
std::optional<std::string> read_service_version(const std::string& text, VmFields& fields) {
    const size_t equals = text.find('=');
    const std::string service = text.substr(0, equals);
    const auto* const word = std::ranges::find(control::kServiceWords, service);
    if (equals == std::string::npos || word == control::kServiceWords.end()) {
        return "expected SERVICE=VERSION, such as kvp=4.0, of heartbeat, shutdown, timesync or kvp";
    }
    if (fields.service_versions.contains(service)) {
        return "expected one version of " + service + ", and got two";
    }
    const std::string version = text.substr(equals + 1);
    const auto index = static_cast<size_t>(word - control::kServiceWords.begin());
    std::string known;
    for (const auto each : control::version_words(static_cast<control::Service>(index))) {
        known += std::string(each) + "|";
        if (each == version) {
            fields.service_versions[service] = version;
            return std::nullopt;
        }
    }
    if (version == kNewest) {
        fields.service_versions[service] = version;
        return std::nullopt;
    }
    return "expected " + service + "=" + known + std::string(kNewest);
}

}  // namespace

void VmFields::add_to(CLI::App& verb, Chosen& chosen) {
    add_text(verb, "--memory", memory, "such as 512M or 2G", "SIZE");
    add_number(verb, "--cpus", cpus, "virtual processors", "N");
    add_host_path(verb, chosen, "--kernel", kernel, "Linux kernel to boot");
    add_host_path(verb, chosen, "--initrd", initrd, "initial RAM disk; empty: none");
    add_text(verb, "--append", append, "kernel command line; empty: none", "TEXT");
    add_text(verb, "--description", description, "a note for people; empty: none", "TEXT");
    add_switch(verb, "--autostart,!--no-autostart", autostart, "start it with the host, or not");
    add_number(verb, "--autostart-order", autostart_order, "lowest first (100)", "N");
    add_duration(verb, "--autostart-delay", autostart_delay,
                 "wait so long before the next order begins (0s)");
    add_duration(verb, "--stop-timeout", stop_timeout,
                 "when the host goes down, cut its power after so long (60s)");
    add_choice(verb, "--restart", restart, kRestarts, "when its worker ends by itself");
    add_number(verb, "--restart-attempts", restart_attempts, "in a row; then it is left alone (5)",
               "N");
    add_duration(verb, "--restart-delay", restart_delay,
                 "before the first attempt; doubles with each (1s)");
    add_duration(verb, "--restart-longest-delay", restart_longest_delay,
                 "which it doubles up to (60s)");
    add_duration(verb, "--restart-forgive-after", restart_forgive_after,
                 "a run so long begins the count anew (10m)");
    add_choice(verb, "--on-crash", on_crash, kStops, "when the guest crashes");
    add_choice(verb, "--on-reset", on_reset, kStops, "when the guest resets itself");
    add_switch(verb, "--acpi-s4,!--no-acpi-s4", acpi_s4,
               "let the guest see that the machine can hibernate, or not");
    add_choice(verb, "--vmbus-version", vmbus_version, kVmbusVersions,
               "the newest that the guest is offered");
    add_parsed_list(verb, "--service-version",
                    "the newest of a service's that the guest is offered, or newest; may be given "
                    "again",
                    type_name::kServiceVersion,
                    [this](const std::string& text) { return read_service_version(text, *this); });
}

Json VmFields::document() const {
    Json value = Json::object();
    put(value, "memory", memory);
    put(value, "processors", cpus);
    put(value, "kernel", kernel);
    put(value, "initrd", initrd);
    put(value, "append", append);
    put(value, "description", description);
    put(value, "on_crash", on_crash);
    put(value, "on_reset", on_reset);
    put_section(value, "autostart", autostart_of(*this));
    put_section(value, "restart", restart_of(*this));
    put_section(value, "acpi", acpi_of(*this));
    put_section(value, "vmbus", vmbus_of(*this));
    put_section(value, "service_versions", service_versions_of(*this));
    return value;
}

}  // namespace hvis::cli

#include "harness/machine_config.h"

#include <nlohmann/json.hpp>

#include "harness/process.h"
#include "harness/suite.h"

namespace hvis::guests {

std::string config_text(const MachineConfig& config, const MachinePaths& paths) {
    using control::Json;
    Json text = {
        {"name", config.name},
        {"memory", std::to_string(config.memory_mib) + "M"},
        {"processors", config.processors},
        {"serial", {{"socket", paths.serial}}},
        {"control", paths.control},
        {"kernel", config.kernel},
        {"append", config.append},
    };
    if (config.kernel.empty()) {
        const Suite& guest = suite();
        text["kernel"] = config == MachineConfig{} ? guest.kernel : guest.unpacked_kernel;
        text["initrd"] = config.initrd.empty() ? guest.initrd : config.initrd;
        text["append"] = guest.command_line + " " + config.append;
    }
    for (const std::string& service : config.disabled_services) {
        text["services"][service] = false;
    }
    for (const auto& [service, version] : config.version_caps) {
        text["services"][service]["max_version"] = version;
    }
    if (config.heartbeat != control::HeartbeatPolicyChange{}) {
        text["heartbeat"] = control::to_json(config.heartbeat);
    }
    for (const auto& [key, value] : config.external_pairs) {
        text["kvp"]["external"][key] = value;
    }
    if (!config.vmbus_max_version.empty()) {
        text["vmbus"]["max_version"] = config.vmbus_max_version;
    }
    if (!config.on_crash.empty()) {
        text["on_crash"] = config.on_crash;
    }
    if (!config.on_reset.empty()) {
        text["on_reset"] = config.on_reset;
    }
    if (config.acpi_s4) {
        text["acpi"]["s4"] = true;
    }
    if (config.rtc_offset.count() != 0) {
        text["rtc"]["offset_s"] = config.rtc_offset.count();
    }
    return control::dump_json_indented(text);
}

}  // namespace hvis::guests

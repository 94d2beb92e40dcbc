#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "control/heartbeat_policy.h"

namespace hvis::guests {

/// The machine that a test wants. What is left alone is as in an ordinary configuration: the
/// suite's guest with one processor and every service enabled, booted from its bzImage. A machine
/// that differs in anything boots the same kernel from its ELF file, which saves the lab 1.5 s.
struct MachineConfig {
    std::string name = "guest";
    unsigned processors = 1;
    unsigned memory_mib = 512;
    std::string kernel = {};  ///< instead of the suite's
    std::string initrd = {};  ///< instead of the suite's
    std::string append = {};  ///< added to the suite's command line
    std::vector<std::string> disabled_services = {};
    /// Services and the newest version of each that is offered; the others are not capped.
    std::vector<std::pair<std::string, std::string>> version_caps = {};
    control::HeartbeatPolicyChange heartbeat = {};
    std::vector<std::pair<std::string, std::string>> external_pairs = {};
    std::string vmbus_max_version = {};  ///< empty: the newest
    std::string on_crash = {};           ///< "stop" or "restart"; empty: the default
    std::string on_reset = {};           ///< the same
    bool acpi_s4 = false;
    std::chrono::seconds rtc_offset{};

    bool operator==(const MachineConfig&) const = default;
};

/// Where one machine's sockets are.
struct MachinePaths {
    std::string control;
    std::string serial;
};

/// The text of the configuration file.
std::string config_text(const MachineConfig& config, const MachinePaths& paths);

}  // namespace hvis::guests

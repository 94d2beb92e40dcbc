#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/guid.h"
#include "base/result.h"
#include "control/heartbeat_policy.h"
#include "control/json.h"
#include "control/results.h"
#include "ic/service_versions.h"
#include "loopback/guest_fault.h"

namespace hvis::worker {

inline constexpr size_t kMaxConfigBytes = size_t{1024} * 1024;
inline constexpr uint32_t kMaxProcessors = 64;
inline constexpr uint64_t kMinMemory = uint64_t{64} * 1024 * 1024;
/// What vm::MemoryMap can place.
inline constexpr uint64_t kMaxMemory = uint64_t{512} * 1024 * 1024 * 1024;
/// What loopback::PartitionConfig takes, in whole MiB.
inline constexpr uint64_t kMinLoopbackMemory = uint64_t{1024} * 1024;
inline constexpr uint64_t kMaxLoopbackMemory = uint64_t{1024} * 1024 * 1024;
/// COMMAND_LINE_SIZE of 64-bit Linux, less the final NUL.
inline constexpr size_t kMaxKernelCommandLine = 2047;
/// PATH_MAX, less the final NUL.
inline constexpr size_t kMaxPathBytes = 4095;
/// sun_path, less the final NUL.
inline constexpr size_t kMaxSocketPath = 107;
/// What ic::KvpMirror keeps in a pool, less the sixteen parameters of our own.
inline constexpr size_t kMaxConfiguredPairs = 112;

/// Where the guest's first serial port goes.
struct SerialConfig {
    enum class Kind : uint8_t { kNone, kStdout, kFile, kSocket };
    Kind kind = Kind::kStdout;
    std::string path;  ///< of the file (appended to) or of the stream socket
    std::string log;   ///< of the SerialLog beside a socket; empty: none
    bool operator==(const SerialConfig&) const = default;
};

// GCC asks for the braces where only some members are named.
// NOLINTBEGIN(readability-redundant-member-init)

/// A service's check box, and the newest message version of it that the guest is offered.
struct ServiceConfig {
    bool enabled = true;
    std::optional<ic::Version> max_version{};  ///< none: the newest that the host speaks
    bool operator==(const ServiceConfig&) const = default;
};

/// One for each service.
struct ServicesConfig {
    ServiceConfig heartbeat{};
    ServiceConfig shutdown{};
    ServiceConfig timesync{};
    ServiceConfig kvp{};
    bool operator==(const ServicesConfig&) const = default;
};

// NOLINTEND(readability-redundant-member-init)

/// What follows when the guest crashes or resets.
enum class StopAction : uint8_t { kRestart, kStop };

/// What the machine is made of.
enum class PartitionKind : uint8_t { kKvm, kLoopback };

/// Where a loopback machine's guests come from.
struct LoopbackConfig {
    std::string socket;  ///< of a hvis-loopback-guest --serve; empty: the worker starts its own
    loopback::GuestFault fault = loopback::GuestFault::kNone;
    bool operator==(const LoopbackConfig&) const = default;
};

/// A VMBus protocol version.
struct VmbusVersion {
    uint16_t major = 0;
    uint16_t minor = 0;
    auto operator<=>(const VmbusVersion&) const = default;
};

/// One virtual machine, as its configuration file describes it. hvis-vm(1) lists every option.
struct Config {
    std::string name;
    Guid id;  ///< made up at random where the file has none
    PartitionKind partition = PartitionKind::kKvm;
    LoopbackConfig loopback;
    uint64_t memory = 0;  ///< bytes, a multiple of 1 MiB
    uint32_t processors = 1;
    std::string kernel;  ///< empty only for a loopback machine, which has no use for it
    std::string initrd;  ///< empty: none
    std::string append;
    SerialConfig serial;
    std::string control;     ///< path of the control socket; empty: none
    std::string last_words;  ///< path of the file that LastWords leaves; empty: none
    ServicesConfig services;
    control::HeartbeatPolicy heartbeat;
    std::vector<control::KvpPair> kvp_external;    ///< served to the guest in pool "external"
    std::vector<control::KvpPair> kvp_parameters;  ///< facts about the host, in place of our own
    std::optional<VmbusVersion> vmbus_max_version;
    StopAction on_crash = StopAction::kStop;
    StopAction on_reset = StopAction::kRestart;
    bool acpi_s4 = false;               ///< tell the guest that it can hibernate
    std::chrono::seconds rtc_offset{};  ///< by which the clock of the day is ahead of UTC
};

/// Versions that vmbus.max_version may name, the oldest first.
inline constexpr std::array<std::string_view, 8> kVmbusVersions = {"2.4", "3.0", "4.0", "4.1",
                                                                   "5.0", "5.1", "5.2", "5.3"};

/// Reads a configuration. The error is one line that names the field and says what is allowed.
Result<Config, control::FieldError> parse_config(std::string_view text);
/// "512M", "2G", "1073741824": bytes, or nullopt.
std::optional<uint64_t> parse_size(std::string_view text);

}  // namespace hvis::worker

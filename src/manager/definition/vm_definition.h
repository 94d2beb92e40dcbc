#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/guid.h"
#include "base/result.h"
#include "control/commands.h"
#include "control/heartbeat_policy.h"
#include "control/json.h"

namespace hvis::manager {

/// Longest name of a VM, in bytes: `[a-zA-Z0-9][a-zA-Z0-9._-]*`, so that it can stand in a path, a
/// URL and a unit name as it is.
inline constexpr size_t kMaxVmName = 64;
inline constexpr size_t kMaxDescription = 4096;

/// What a VM runs on.
enum class PartitionKind : uint8_t {
    kKvm,       ///< a virtual machine
    kLoopback,  ///< an ordinary process that speaks the same VMBus bytes: for trials without KVM
};
inline constexpr std::array<std::string_view, 2> kPartitionWords = {"kvm", "loopback"};

/// When a VM whose worker has ended, unasked, is started again.
enum class RestartWhen : uint8_t { kNever, kOnFailure, kAlways };
inline constexpr std::array<std::string_view, 3> kRestartWords = {"never", "on_failure", "always"};

struct RestartPolicy {
    RestartWhen when = RestartWhen::kOnFailure;
    uint32_t attempts = 5;                            ///< in a row; then the VM is left alone
    std::chrono::milliseconds first_delay{1000};      ///< doubles with each attempt …
    std::chrono::milliseconds longest_delay{60000};   ///< … up to this
    std::chrono::milliseconds forgive_after{600000};  ///< a run so long starts the count anew
    bool operator==(const RestartPolicy&) const = default;
};

/// Whether, and when, a VM is started with the host.
struct Autostart {
    bool enabled = false;
    uint32_t order = 100;                           ///< lowest first; equal ones together
    std::chrono::milliseconds delay{0};             ///< waited before the next order begins
    std::chrono::milliseconds stop_timeout{60000};  ///< for a clean shutdown with the host
    bool operator==(const Autostart&) const = default;
};

/// What the worker does by itself when the guest crashes or resets.
enum class StopAction : uint8_t { kRestart, kStop };
inline constexpr std::array<std::string_view, 2> kStopWords = {"restart", "stop"};

/// One VM as its administrator wants it. What the host set in the guest's key/value pools is kept
/// apart, in KvpTable.
struct VmDefinition {
    Guid id;
    std::string name;
    std::string description;
    PartitionKind partition = PartitionKind::kKvm;
    uint64_t memory = 0;  ///< bytes
    uint32_t processors = 1;
    std::string kernel;  ///< absolute path; empty for a loopback partition
    std::string initrd;
    std::string append;
    /// In the order of control::Service.
    std::array<bool, control::kServiceWords.size()> services{};
    /// In the same order: the newest version that the guest is offered, "4.0"; empty for no limit.
    /// Taken by the worker when it starts.
    std::array<std::string, control::kServiceWords.size()> service_versions{};
    control::HeartbeatPolicy heartbeat;
    Autostart autostart;
    RestartPolicy restart;
    StopAction on_crash = StopAction::kStop;
    StopAction on_reset = StopAction::kRestart;
    std::string vmbus_max_version;  ///< "5.0", or empty for the newest
    bool acpi_s4 = false;
    bool operator==(const VmDefinition&) const = default;
};

/// Reads a definition as the API and the store carry it. `id` may be absent: then it is made up.
Result<VmDefinition, control::FieldError> parse_definition(const control::Json& value);
/// `definition` after an RFC 7396 merge patch; `id` and `partition` cannot change.
Result<VmDefinition, control::FieldError> patched(const VmDefinition& definition,
                                                  const control::Json& patch);
control::Json to_json(const VmDefinition& definition);

}  // namespace hvis::manager

#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "control/failure.h"
#include "control/heartbeat_policy.h"
#include "control/json.h"

namespace hvis::control {

using Milliseconds = std::chrono::milliseconds;

/// Longest timeout_ms that a request may ask for.
inline constexpr Milliseconds kMaxTimeout = std::chrono::hours(24);
inline constexpr Milliseconds kMachineTimeout = std::chrono::seconds(60);
inline constexpr Milliseconds kServiceTimeout = std::chrono::seconds(5);

/// Most addresses, gateways or name servers in one ip.set: what the message to the guest has room
/// for (wire::kKvpMaxAddresses, kKvpMaxGateways).
inline constexpr size_t kMaxIpAddresses = 64;
inline constexpr size_t kMaxIpGateways = 5;

/// Most events that one events.list brings.
inline constexpr uint32_t kMaxEventsListed = 4096;
/// Longest message of a shutdown request. Hyper-V's message field has 2,048 bytes with the NUL
/// (Linux: shutdown_msg_data in hyperv.h).
inline constexpr size_t kMaxShutdownMessageUnits = 1023;

enum class Service : uint8_t { kHeartbeat, kShutdown, kTimesync, kKvp };
inline constexpr std::array<std::string_view, 4> kServiceWords = {"heartbeat", "shutdown",
                                                                  "timesync", "kvp"};

enum class Pool : uint8_t { kExternal, kGuest, kAuto, kParameters };
inline constexpr std::array<std::string_view, 4> kPoolWords = {"external", "guest", "auto",
                                                               "parameters"};

enum class Condition : uint8_t { kRunning, kHeartbeat, kKvp, kIp, kStopped };
inline constexpr std::array<std::string_view, 5> kConditionWords = {"running", "heartbeat", "kvp",
                                                                    "ip", "stopped"};

constexpr std::string_view to_string(Service service) {
    return kServiceWords[std::to_underlying(service)];
}
constexpr std::string_view to_string(Pool pool) { return kPoolWords[std::to_underlying(pool)]; }
constexpr std::string_view to_string(Condition condition) {
    return kConditionWords[std::to_underlying(condition)];
}

/// Requests, one struct for each verb or family of verbs; docs/control-protocol.md says what each
/// does. All values are within the bounds of that page.
struct StatusCommand {
    bool operator==(const StatusCommand&) const = default;
};
struct StatsCommand {
    bool operator==(const StatsCommand&) const = default;
};
/// pause, resume, reset, power_off: done to the machine, the guest is not asked.
struct MachineCommand {
    enum class Action : uint8_t { kPause, kResume, kReset, kPowerOff };
    Action action = Action::kPause;
    bool operator==(const MachineCommand&) const = default;
};
/// shutdown, restart, hibernate: asked of the guest.
struct ShutdownCommand {
    enum class Action : uint8_t { kShutdown, kRestart, kHibernate };
    Action action = Action::kShutdown;
    bool force = false;
    uint32_t reason = 0;
    std::string message;
    Milliseconds timeout = kMachineTimeout;
    bool operator==(const ShutdownCommand&) const = default;
};
struct WaitCommand {
    Condition condition = Condition::kRunning;
    Milliseconds timeout = kMachineTimeout;
    bool operator==(const WaitCommand&) const = default;
};
struct ServiceListCommand {
    bool operator==(const ServiceListCommand&) const = default;
};
/// service.enable, service.disable.
struct ServiceSwitchCommand {
    Service service = Service::kHeartbeat;
    bool enable = true;
    bool operator==(const ServiceSwitchCommand&) const = default;
};
struct KvpListCommand {
    Pool pool = Pool::kAuto;
    Milliseconds timeout = kServiceTimeout;
    bool operator==(const KvpListCommand&) const = default;
};
struct KvpGetCommand {
    Pool pool = Pool::kAuto;
    std::string key;
    Milliseconds timeout = kServiceTimeout;
    bool operator==(const KvpGetCommand&) const = default;
};
/// kvp.set (add or change) and kvp.add (only if the key is not there).
struct KvpSetCommand {
    Pool pool = Pool::kExternal;
    std::string key;
    std::string value;
    bool only_add = false;
    Milliseconds timeout = kServiceTimeout;
    bool operator==(const KvpSetCommand&) const = default;
};
struct KvpDeleteCommand {
    Pool pool = Pool::kExternal;
    std::string key;
    Milliseconds timeout = kServiceTimeout;
    bool operator==(const KvpDeleteCommand&) const = default;
};
/// Stays outstanding: tells of changes until it is cancelled.
struct KvpWatchCommand {
    Pool pool = Pool::kGuest;
    bool initial = false;  ///< tell first what is there already
    bool operator==(const KvpWatchCommand&) const = default;
};
struct IpShowCommand {
    Milliseconds timeout = kServiceTimeout;
    bool operator==(const IpShowCommand&) const = default;
};
/// Has the guest configure one of its network adapters.
struct IpSetCommand {
    std::string adapter;  ///< instance of the network channel, a GUID
    bool dhcp = false;
    // GCC asks for the braces where only some members are named.
    // NOLINTBEGIN(readability-redundant-member-init)
    std::vector<std::string> addresses{};  ///< "192.168.1.4/24", "fd00::4/64"
    std::vector<std::string> gateways{};
    std::vector<std::string> dns_servers{};
    // NOLINTEND(readability-redundant-member-init)
    Milliseconds timeout = kServiceTimeout;
    bool operator==(const IpSetCommand&) const = default;
};
struct TimeShowCommand {
    bool operator==(const TimeShowCommand&) const = default;
};
struct TimeSyncCommand {
    Milliseconds timeout = kServiceTimeout;
    bool operator==(const TimeSyncCommand&) const = default;
};
struct HeartbeatShowCommand {
    bool operator==(const HeartbeatShowCommand&) const = default;
};
struct HeartbeatSetCommand {
    HeartbeatPolicyChange change;  ///< at least one member is present
    bool operator==(const HeartbeatSetCommand&) const = default;
};
struct EventsListCommand {
    uint64_t since = 0;
    uint32_t limit = kMaxEventsListed;
    bool operator==(const EventsListCommand&) const = default;
};
struct EventsSubscribeCommand {
    std::optional<uint64_t> since;
    bool operator==(const EventsSubscribeCommand&) const = default;
};
struct StatusSubscribeCommand {
    bool operator==(const StatusSubscribeCommand&) const = default;
};
struct CancelCommand {
    uint64_t id = 0;
    bool operator==(const CancelCommand&) const = default;
};

/// What a VM's wiring must carry out.
using Command =
    std::variant<StatusCommand, StatsCommand, MachineCommand, ShutdownCommand, WaitCommand,
                 ServiceListCommand, ServiceSwitchCommand, KvpListCommand, KvpGetCommand,
                 KvpSetCommand, KvpDeleteCommand, KvpWatchCommand, IpShowCommand, IpSetCommand,
                 TimeShowCommand, TimeSyncCommand, HeartbeatShowCommand, HeartbeatSetCommand,
                 EventsListCommand, EventsSubscribeCommand, StatusSubscribeCommand, CancelCommand>;

/// A verb and its arguments as they travel.
struct EncodedCommand {
    std::string verb;
    std::shared_ptr<const Json> args;
};
EncodedCommand encode_command(const Command& command);
/// Checks everything that can be checked without the VM. An unknown verb or field, a missing one,
/// or a value out of bounds is a kUsage failure that points at it.
Result<Command, Failure> decode_command(std::string_view verb, const Json& args);

}  // namespace hvis::control

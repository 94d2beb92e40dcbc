#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/time.h"
#include "control/commands.h"
#include "control/events.h"
#include "control/heartbeat_policy.h"
#include "control/json.h"

namespace hvis::control {

/// One service as the status model describes it; the words are those of ic/status.h.
struct ServiceState {
    Service service = Service::kHeartbeat;
    bool enabled = true;
    std::string primary;
    std::string secondary;
    std::string framework;  ///< "3.0", or empty while not negotiated
    std::string message;    ///< the same
    WallTime since;
    std::string explanation;
    std::string applications;  ///< heartbeat: "healthy", "critical", "unknown"; else empty
};

/// What the guest published about itself; empty where it said nothing.
struct GuestFacts {
    std::string os_name;
    std::string os_version;
    std::string os_build;
    std::string architecture;
    std::string fqdn;
    std::string services_version;
    std::vector<std::string> ipv4;
    std::vector<std::string> ipv6;
};

struct CrashState {
    WallTime at;
    std::array<uint64_t, 5> parameters{};
    std::string text;
};

struct StatusResult {
    std::string name;
    std::string id;
    std::string state;  ///< starting running paused stopping stopped crashed
    Milliseconds uptime{};
    uint32_t processors = 0;
    uint64_t memory = 0;        ///< bytes
    std::string vmbus_version;  ///< "5.3", or empty while not connected
    std::optional<GuestFacts> guest;
    std::optional<CrashState> crash;
    uint64_t exits = 0;
    std::vector<ServiceState> services;
};

/// Counts by name.
using Counts = std::vector<std::pair<std::string, uint64_t>>;

/// How long something took: how often up to each bound, and above the last.
struct Histogram {
    struct Bucket {
        std::optional<uint64_t> up_to_us;  ///< inclusive; nothing for the last
        uint64_t count = 0;
    };
    std::vector<Bucket> buckets;
    uint64_t sum_us = 0;
};

struct StatsResult {
    Counts exits;  ///< by reason
    Counts counters;
    std::optional<Milliseconds> heartbeat_age;  ///< since the guest last answered
    Histogram heartbeat_round_trip;
    /// How far the guest's clock is ahead, where the guest says so.
    std::optional<std::chrono::microseconds> clock_offset;
    /// How long the guest took over its last time sample.
    std::optional<std::chrono::microseconds> clock_round_trip;
};
struct WaitResult {
    Condition condition = Condition::kRunning;
    Milliseconds waited{};
};
struct ServiceListResult {
    std::vector<ServiceState> services;
};
struct KvpPair {
    std::string key;
    std::string value;
    bool operator==(const KvpPair&) const = default;
};
struct KvpResult {
    Pool pool = Pool::kAuto;
    std::vector<KvpPair> pairs;
    uint32_t unreadable = 0;  ///< pairs that the guest has and would not or could not give
    bool truncated = false;   ///< there are more than these
};
struct IpResult {
    std::vector<std::string> ipv4;
    std::vector<std::string> ipv6;
};
struct TimeResult {
    WallTime host_time;
    std::optional<WallTime> last_sync;
    std::optional<WallTime> last_sample;
    uint64_t syncs = 0;
    uint64_t samples = 0;
    std::optional<bool> reference_time;
    /// How far the guest's clock is ahead of the host's, for guests that tell (message versions
    /// below 4.0).
    std::optional<std::chrono::microseconds> guest_offset;
    ServiceState service;
};
struct HeartbeatResult {
    HeartbeatPolicy policy;
    ServiceState service;
    uint64_t sent = 0;
    uint64_t answered = 0;
    uint32_t missed = 0;  ///< of the last policy.window
    uint32_t attempts_used = 0;
    std::optional<WallTime> last_answer;
};
struct HeartbeatSetResult {
    HeartbeatPolicy policy;
};
struct EventsResult {
    std::vector<Event> events;
    uint64_t next = 0;
    uint64_t lost = 0;
};
/// events.subscribe: where the stream begins.
struct SubscribeResult {
    uint64_t next = 0;
    uint64_t lost = 0;
};

/// What a request came to; monostate is the empty result {}.
using CommandResult =
    std::variant<std::monostate, StatusResult, StatsResult, WaitResult, ServiceListResult,
                 KvpResult, IpResult, TimeResult, HeartbeatResult, HeartbeatSetResult, EventsResult,
                 SubscribeResult>;
Json to_json(const CommandResult& result);

/// The members of "exits" and "counters" come out in alphabetical order.
Json to_json(const Event& event);

}  // namespace hvis::control

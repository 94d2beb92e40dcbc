#pragma once

#include <chrono>
#include <cstdint>

#include "base/result.h"
#include "base/time.h"

namespace hvis::ic {

/// When a guest counts as lost.
struct HeartbeatPolicy {
    static constexpr Duration kMinInterval = std::chrono::milliseconds(100);
    static constexpr Duration kMaxDuration = std::chrono::hours(1);
    static constexpr uint32_t kMaxWindow = 100;

    Duration interval = std::chrono::seconds(2);  ///< between two beats
    Duration latency = std::chrono::seconds(1);   ///< an answer later than this is a miss
    uint32_t misses = 2;                          ///< lost when so many …
    uint32_t window = 3;                          ///< … of the last so many beats were missed
    Duration grace = std::chrono::seconds(30);    ///< no misses after start, resume and enable
    bool operator==(const HeartbeatPolicy&) const = default;
};

/// Fails with the bound that is broken. A latency above the interval is allowed; a beat is judged
/// when the next one is due at the latest.
Result<void> check_policy(const HeartbeatPolicy& policy);

}  // namespace hvis::ic

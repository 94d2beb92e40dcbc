#pragma once

#include <chrono>
#include <cstdint>

#include "base/time.h"
#include "control/heartbeat_policy.h"

namespace hvis::worker {

/// Decides what is done about a lost heartbeat, and stops doing it when it does not help. No I/O.
class LossAction {
public:
    /// A guest that has answered for so long since the last attempt starts with a clean record.
    static constexpr Duration kForgiveAfter = std::chrono::minutes(10);

    enum class Verdict : uint8_t { kNothing, kReset, kPowerOff, kExhausted };

    void heartbeat_regained(TimePoint now) { healthy_since_ = now; }
    Verdict heartbeat_lost(const control::HeartbeatPolicy& policy, TimePoint now);
    /// The policy was changed: the count starts anew.
    void forget() { used_ = 0; }
    [[nodiscard]] uint32_t attempts_used() const { return used_; }

private:
    uint32_t used_ = 0;
    TimePoint healthy_since_ = TimePoint::max();
};

}  // namespace hvis::worker

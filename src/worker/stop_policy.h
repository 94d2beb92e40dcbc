#pragma once

#include <chrono>

#include "base/time.h"
#include "vm/partition.h"
#include "worker/config.h"
#include "worker/ending.h"

namespace hvis::worker {

/// Exit statuses of a worker; docs/hvis-vm.1.scd.
inline constexpr int kExitOrderly = 0;
inline constexpr int kExitBroken = 1;
/// The configuration is wrong, and will be each time.
inline constexpr int kExitRefused = 2;
/// The heartbeat policy switched the machine off: not 0, because nobody asked for it, and not 1,
/// because it is known what happened and that it was meant to.
inline constexpr int kExitHeartbeatLost = 6;

/// On whose account the processors stopped.
enum class StoppedBy : uint8_t { kGuest, kRequest, kHeartbeat };
/// "guest", …: the events' words.
std::string_view to_string(StoppedBy by);

/// All that decides what follows a stop.
struct Stop {
    vm::StopReason reason = vm::StopReason::kPowerOff;
    StoppedBy by = StoppedBy::kGuest;
    bool crash_reported = false;  ///< by the guest, and it did not come up again by itself
    bool restart_asked = false;   ///< a client asked the guest to restart
    bool leaving = false;         ///< the worker was told to end
    Duration ran_for{};           ///< since the last start
    StopAction on_crash = StopAction::kStop;
    StopAction on_reset = StopAction::kRestart;
};

/// What follows it.
struct AfterStop {
    bool restart = false;
    int exit_status = kExitOrderly;  ///< where it does not
    bool operator==(const AfterStop&) const = default;
};

/// A machine that fails on the host sooner than this after its start is not started again: it would
/// fail again and again.
inline constexpr Duration kLeastRunBeforeFailure = std::chrono::seconds(10);

/// A machine whose guest ends its runs is started at most this often: a guest that faults at once
/// would have its machine built again and again, as fast as the host can.
inline constexpr Duration kLeastBetweenStarts = std::chrono::seconds(1);

AfterStop after_stop(const Stop& stop);

/// How long to wait before a restart. Nothing where a client asked for it.
Duration rest_before_restart(const Stop& stop);

/// What is said of a machine that is not started again.
Ending ending_of(const Stop& stop, const AfterStop& after);

}  // namespace hvis::worker

#include "worker/stop_policy.h"

#include <algorithm>

namespace hvis::worker {
namespace {

AfterStop after_crash(const Stop& stop) {
    const bool hopeless =
        stop.reason == vm::StopReason::kFailure && stop.ran_for < kLeastRunBeforeFailure;
    return {.restart = stop.on_crash == StopAction::kRestart && !hopeless && !stop.leaving,
            .exit_status = kExitBroken};
}

}  // namespace

std::string_view to_string(StoppedBy by) {
    switch (by) {
        case StoppedBy::kGuest:
            return "guest";
        case StoppedBy::kRequest:
            return "request";
        case StoppedBy::kHeartbeat:
            return "heartbeat";
    }
    return "?";
}

AfterStop after_stop(const Stop& stop) {
    switch (stop.reason) {
        case vm::StopReason::kFailure:
        case vm::StopReason::kTripleFault:
            return after_crash(stop);
        case vm::StopReason::kPowerOff:
            if (stop.crash_reported) {
                return {.exit_status = kExitBroken};
            }
            return {.exit_status =
                        stop.by == StoppedBy::kHeartbeat ? kExitHeartbeatLost : kExitOrderly};
        case vm::StopReason::kReset:
            break;
    }
    if (stop.crash_reported) {
        return after_crash(stop);
    }
    const bool wanted =
        stop.by != StoppedBy::kGuest || stop.restart_asked || stop.on_reset == StopAction::kRestart;
    return {.restart = wanted && !stop.leaving};
}

Duration rest_before_restart(const Stop& stop) {
    if (stop.by == StoppedBy::kRequest || stop.restart_asked) {
        return {};
    }
    return std::max(Duration{}, kLeastBetweenStarts - stop.ran_for);
}

Ending ending_of(const Stop& stop, const AfterStop& after) {
    Ending ending{.state = Ending::State::kStopped,
                  .reason = "it was switched off by its guest",
                  .exit_status = after.exit_status};
    if (stop.reason == vm::StopReason::kFailure) {
        ending.state = Ending::State::kFailed;
        ending.reason = "the processors could not go on";
    } else if (stop.reason == vm::StopReason::kTripleFault || stop.crash_reported) {
        ending.state = Ending::State::kCrashed;
        ending.reason = "its guest has crashed";
    } else if (stop.by == StoppedBy::kRequest) {
        ending.reason = "it was switched off on request";
    } else if (stop.by == StoppedBy::kHeartbeat) {
        ending.reason = "it was switched off because its heartbeat was lost";
    } else if (stop.reason == vm::StopReason::kReset) {
        ending.reason = "its guest reset it, and it is not to start again";
    }
    return ending;
}

}  // namespace hvis::worker

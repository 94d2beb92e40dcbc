#include "worker/stop_policy.h"

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

}  // namespace hvis::worker

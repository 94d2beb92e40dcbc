#include "worker/stop_policy.h"

#include <gtest/gtest.h>

namespace hvis::worker {
namespace {

using vm::StopReason;

constexpr AfterStop kRestart{.restart = true, .exit_status = kExitOrderly};
constexpr AfterStop kRestartBroken{.restart = true, .exit_status = kExitBroken};
constexpr AfterStop kEnd{.restart = false, .exit_status = kExitOrderly};
constexpr AfterStop kEndBroken{.restart = false, .exit_status = kExitBroken};

TEST(AfterStop, EndsInOrderWhenSwitchedOff) {
    EXPECT_EQ(after_stop({.reason = StopReason::kPowerOff}), kEnd);
    EXPECT_EQ(after_stop({.reason = StopReason::kPowerOff, .by = StoppedBy::kRequest}), kEnd);
    EXPECT_EQ(after_stop({.reason = StopReason::kPowerOff, .crash_reported = true}), kEndBroken);
}

TEST(AfterStop, TellsAPowerOffByTheHeartbeatFromOthers) {
    const auto after = after_stop({.reason = StopReason::kPowerOff, .by = StoppedBy::kHeartbeat});
    EXPECT_FALSE(after.restart);
    EXPECT_EQ(after.exit_status, 6) << "documented in hvis-vm(1)";
}

TEST(AfterStop, FollowsOnResetWhereTheGuestResetItself) {
    EXPECT_EQ(after_stop({.reason = StopReason::kReset}), kRestart);
    EXPECT_EQ(after_stop({.reason = StopReason::kReset, .on_reset = StopAction::kStop}), kEnd);
    EXPECT_EQ(
        after_stop(
            {.reason = StopReason::kReset, .restart_asked = true, .on_reset = StopAction::kStop}),
        kRestart);
    EXPECT_EQ(after_stop({.reason = StopReason::kReset,
                          .by = StoppedBy::kRequest,
                          .on_reset = StopAction::kStop}),
              kRestart);
    EXPECT_EQ(after_stop({.reason = StopReason::kReset, .leaving = true}), kEnd);
}

TEST(AfterStop, FollowsOnCrashWhereTheGuestCrashed) {
    for (const Stop& crash :
         {Stop{.reason = StopReason::kTripleFault},
          Stop{.reason = StopReason::kReset, .crash_reported = true},
          Stop{.reason = StopReason::kFailure, .ran_for = std::chrono::hours(1)}}) {
        EXPECT_EQ(after_stop(crash), kEndBroken);
        Stop restart = crash;
        restart.on_crash = StopAction::kRestart;
        EXPECT_EQ(after_stop(restart), kRestartBroken);
        restart.leaving = true;
        EXPECT_EQ(after_stop(restart), kEndBroken);
    }
}

TEST(AfterStop, DoesNotRestartForEverWhatFailsOnTheHostAtOnce) {
    Stop stop{.reason = StopReason::kFailure, .on_crash = StopAction::kRestart};
    stop.ran_for = kLeastRunBeforeFailure - std::chrono::milliseconds(1);
    EXPECT_EQ(after_stop(stop), kEndBroken);
    stop.ran_for = kLeastRunBeforeFailure;
    EXPECT_EQ(after_stop(stop), kRestartBroken);
}

TEST(RestBeforeRestart, KeepsAGuestFromBuildingItsMachineInATightLoop) {
    using std::chrono::milliseconds;
    for (const StopReason reason :
         {StopReason::kTripleFault, StopReason::kReset, StopReason::kFailure}) {
        EXPECT_EQ(rest_before_restart({.reason = reason}), kLeastBetweenStarts);
        EXPECT_EQ(rest_before_restart({.reason = reason, .ran_for = milliseconds(300)}),
                  kLeastBetweenStarts - milliseconds(300));
        EXPECT_EQ(rest_before_restart({.reason = reason, .ran_for = kLeastBetweenStarts}),
                  Duration{});
        EXPECT_EQ(rest_before_restart({.reason = reason, .ran_for = std::chrono::hours(1)}),
                  Duration{});
    }
}

TEST(RestBeforeRestart, DoesNotKeepAClientWaiting) {
    EXPECT_EQ(rest_before_restart({.reason = StopReason::kReset, .by = StoppedBy::kRequest}),
              Duration{});
    EXPECT_EQ(rest_before_restart({.reason = StopReason::kReset, .restart_asked = true}),
              Duration{});
}

TEST(EndingOf, SaysWhatHappenedAndOnWhoseAccount) {
    const auto told = [](const Stop& stop) {
        const Ending ending = ending_of(stop, after_stop(stop));
        return std::string(to_string(ending.state)) + " " + std::to_string(ending.exit_status) +
               ": " + ending.reason;
    };
    EXPECT_EQ(told({}), "stopped 0: it was switched off by its guest");
    EXPECT_EQ(told({.by = StoppedBy::kRequest}), "stopped 0: it was switched off on request");
    EXPECT_EQ(told({.by = StoppedBy::kHeartbeat}),
              "stopped 6: it was switched off because its heartbeat was lost");
    EXPECT_EQ(told({.reason = StopReason::kReset, .on_reset = StopAction::kStop}),
              "stopped 0: its guest reset it, and it is not to start again");
    EXPECT_EQ(told({.crash_reported = true}), "crashed 1: its guest has crashed");
    EXPECT_EQ(told({.reason = StopReason::kTripleFault}), "crashed 1: its guest has crashed");
    EXPECT_EQ(told({.reason = StopReason::kFailure}), "failed 1: the processors could not go on");
}

}  // namespace
}  // namespace hvis::worker

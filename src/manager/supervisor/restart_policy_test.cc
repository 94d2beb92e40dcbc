#include "manager/supervisor/restart_policy.h"

#include <gtest/gtest.h>

namespace hvis::manager {
namespace {

using namespace std::chrono_literals;
using Kind = Ending::Kind;

Verdict judged(RestartWhen when, Kind kind, uint32_t attempts = 0, Duration ran_for = 1s) {
    const RestartPolicy policy{.when = when, .attempts = 3};
    return judge(policy, {.kind = kind, .why = {}, .ran_for = ran_for}, attempts);
}

TEST(RestartPolicy, DecidesByHowTheRunEnded) {
    for (const Kind kind : {Kind::kStopped, Kind::kCrashed, Kind::kFailed}) {
        EXPECT_FALSE(judged(RestartWhen::kNever, kind).restart_in);
        EXPECT_TRUE(judged(RestartWhen::kAlways, kind).restart_in);
        EXPECT_EQ(judged(RestartWhen::kOnFailure, kind).restart_in.has_value(),
                  kind == Kind::kFailed);
    }
}

TEST(RestartPolicy, NeverTriesAConfigurationAgainThatWasRefused) {
    for (const RestartWhen when :
         {RestartWhen::kNever, RestartWhen::kOnFailure, RestartWhen::kAlways}) {
        const Verdict verdict = judged(when, Kind::kRefused);
        EXPECT_FALSE(verdict.restart_in);
        EXPECT_FALSE(verdict.given_up);
    }
}

TEST(RestartPolicy, GivesUpAfterItsAttempts) {
    for (uint32_t attempts = 0; attempts < 3; ++attempts) {
        EXPECT_EQ(judged(RestartWhen::kOnFailure, Kind::kFailed, attempts).attempts, attempts + 1);
    }
    const Verdict last = judged(RestartWhen::kOnFailure, Kind::kFailed, 3);
    EXPECT_TRUE(last.given_up);
    EXPECT_FALSE(last.restart_in);
    EXPECT_FALSE(judged(RestartWhen::kNever, Kind::kFailed, 3).given_up);
}

TEST(RestartPolicy, ForgivesAfterALongRun) {
    const Verdict verdict = judged(RestartWhen::kOnFailure, Kind::kFailed, 3, 10min);
    EXPECT_FALSE(verdict.given_up);
    EXPECT_EQ(verdict.attempts, 1U);
}

TEST(RestartPolicy, DoublesTheDelayUpToTheLongest) {
    const RestartPolicy policy{.first_delay = 1s, .longest_delay = 5s};
    EXPECT_EQ(restart_delay(policy, 1), 1s);
    EXPECT_EQ(restart_delay(policy, 2), 2s);
    EXPECT_EQ(restart_delay(policy, 3), 4s);
    EXPECT_EQ(restart_delay(policy, 4), 5s);
    EXPECT_EQ(restart_delay(policy, UINT32_MAX), 5s);
    EXPECT_EQ(restart_delay({.first_delay = 0ms, .longest_delay = 5s}, UINT32_MAX), 0s);
    EXPECT_EQ(restart_delay({.first_delay = 9s, .longest_delay = 5s}, 1), 5s);
}

TEST(RestartPolicy, NamesTheStateThatIsLeft) {
    EXPECT_EQ(state_after(Kind::kStopped), "stopped");
    EXPECT_EQ(state_after(Kind::kCrashed), "crashed");
    EXPECT_EQ(state_after(Kind::kFailed), "failed");
}

}  // namespace
}  // namespace hvis::manager

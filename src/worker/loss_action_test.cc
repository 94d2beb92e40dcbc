#include "worker/loss_action.h"

#include <gtest/gtest.h>

namespace hvis::worker {
namespace {

using Verdict = LossAction::Verdict;
constexpr TimePoint kStart{std::chrono::hours(1)};

control::HeartbeatPolicy resetting(uint32_t attempts) {
    return {.on_loss = control::OnLoss::kReset, .attempts = attempts};
}

TEST(LossAction, DoesNothingUnlessAsked) {
    LossAction action;
    EXPECT_EQ(action.heartbeat_lost({}, kStart), Verdict::kNothing);
    EXPECT_EQ(action.attempts_used(), 0U);
}

TEST(LossAction, GivesUpAfterItsAttempts) {
    LossAction action;
    EXPECT_EQ(action.heartbeat_lost(resetting(2), kStart), Verdict::kReset);
    action.heartbeat_regained(kStart);
    EXPECT_EQ(action.heartbeat_lost(resetting(2), kStart + std::chrono::minutes(1)),
              Verdict::kReset);
    action.heartbeat_regained(kStart);
    EXPECT_EQ(action.heartbeat_lost(resetting(2), kStart + std::chrono::minutes(2)),
              Verdict::kExhausted);
}

TEST(LossAction, ForgivesAGuestThatWasHealthyForLong) {
    LossAction action;
    EXPECT_EQ(action.heartbeat_lost(resetting(1), kStart), Verdict::kReset);
    action.heartbeat_regained(kStart);
    EXPECT_EQ(action.heartbeat_lost(resetting(1), kStart + LossAction::kForgiveAfter),
              Verdict::kReset);
}

TEST(LossAction, CutsThePowerWhereThatIsThePolicy) {
    LossAction action;
    EXPECT_EQ(action.heartbeat_lost({.on_loss = control::OnLoss::kPowerOff, .attempts = 1}, kStart),
              Verdict::kPowerOff);
}

}  // namespace
}  // namespace hvis::worker

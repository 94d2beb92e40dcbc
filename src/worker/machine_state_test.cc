#include "worker/machine_state.h"

#include <gtest/gtest.h>

namespace hvis::worker {
namespace {

TEST(MachineLife, RunsPausesAndStops) {
    MachineLife life;
    EXPECT_EQ(life.state(), MachineState::kStarting);
    EXPECT_EQ(life.pause().error().code, Errc::kState);
    EXPECT_EQ(life.resume().error().code, Errc::kState);
    life.started();
    EXPECT_TRUE(life.resume()) << "it runs already";
    EXPECT_TRUE(life.pause());
    EXPECT_TRUE(life.pause());
    EXPECT_EQ(life.state(), MachineState::kPaused);
    EXPECT_TRUE(life.resume());
    EXPECT_EQ(life.state(), MachineState::kRunning);
    life.stopping();
    EXPECT_EQ(life.state(), MachineState::kStopping);
    EXPECT_FALSE(life.pause());
    life.stopped();
    EXPECT_EQ(life.state(), MachineState::kStopped);
    life.started();
    EXPECT_EQ(life.state(), MachineState::kRunning);
}

TEST(MachineLife, IsStartingWhileItRestsBeforeAnotherStart) {
    MachineLife life;
    life.started();
    life.crashed();
    life.stopped();
    life.resting();
    EXPECT_EQ(life.state(), MachineState::kStarting);
    EXPECT_FALSE(life.pause()) << "the start would not know of it";
    life.started();
    EXPECT_EQ(life.state(), MachineState::kRunning);
}

TEST(MachineLife, StaysPausedWhenACrashIsReported) {
    MachineLife life;
    life.started();
    ASSERT_TRUE(life.pause());
    life.crashed();  // said before the processors stopped
    EXPECT_EQ(life.state(), MachineState::kPaused);
    ASSERT_TRUE(life.resume());
    EXPECT_EQ(life.state(), MachineState::kCrashed);
    ASSERT_TRUE(life.pause());
    ASSERT_TRUE(life.resume());
    EXPECT_EQ(life.state(), MachineState::kCrashed);
}

TEST(MachineLife, RemembersACrashUntilACrashKernelTakesOver) {
    MachineLife life;
    life.started();
    life.recovered();
    EXPECT_EQ(life.state(), MachineState::kRunning);
    life.crashed();
    life.stopped();
    EXPECT_EQ(life.state(), MachineState::kCrashed);
    life.started();
    life.crashed();
    life.recovered();
    EXPECT_EQ(life.state(), MachineState::kRunning);
    life.stopped();
    EXPECT_EQ(life.state(), MachineState::kStopped);
    life.ended(true);
    EXPECT_EQ(life.state(), MachineState::kCrashed);
}

TEST(MachineLife, IsNotPausedAnyMoreOnceItIsToStop) {
    MachineLife life;
    life.started();
    ASSERT_TRUE(life.pause());
    life.stopping();
    EXPECT_EQ(life.state(), MachineState::kStopping);
    EXPECT_FALSE(life.is_paused());
}

}  // namespace
}  // namespace hvis::worker

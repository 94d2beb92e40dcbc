// Power cuts of workers that do not answer.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "manager/supervisor/supervisor_fixture.h"

namespace hvis::manager {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

TEST_F(SupervisorTest, CutsThePowerOfAWorkerThatHangsSinceBeforeItsRestart) {
    const Guid web = define("web");
    ASSERT_TRUE(start(web));
    close();
    workers.of(web).hang(FakeVm::Known::kYes);
    open();
    EXPECT_EQ(state(web), "starting");
    const auto off = power_off(web);
    ASSERT_TRUE(off) << off.error().message;
    EXPECT_EQ(state(web), "stopped");
    EXPECT_FALSE(workers.of(web).lives());
    EXPECT_EQ(count("worker_ended"), 1);
    EXPECT_FALSE(wanted(web));
    EXPECT_TRUE(start(web));
}

TEST_F(SupervisorTest, CutsThePowerOfAHangingWorkerBetweenTwoAttemptsToReachIt) {
    config.timings.greet = 50ms;
    config.timings.reconnect_slowly = 300ms;
    reopen();
    const Guid web = define("web");
    ASSERT_TRUE(start(web));
    close();
    workers.of(web).hang(FakeVm::Known::kYes);
    open();
    run_until_state(web, "unreachable");
    const auto off = power_off(web);
    ASSERT_TRUE(off) << off.error().message;
    EXPECT_EQ(state(web), "stopped");
}

TEST_F(SupervisorTest, SaysInTheEndThatAPowerCutHasFailed) {
    config.timings.cut = 100ms;
    reopen();
    const Guid web = define("web");
    ASSERT_TRUE(start(web));
    close();
    workers.of(web).hang(FakeVm::Known::kNo);
    open();
    const auto off = power_off(web);
    ASSERT_FALSE(off);
    EXPECT_THAT(off.error().message, HasSubstr("its process is not known"));
    EXPECT_THAT(off.error().hint, HasSubstr("worker.lock"));
    EXPECT_TRUE(workers.of(web).lives()) << "a stranger is not killed";
    EXPECT_NE(state(web), "stopping");
    // It ends with the next attempt once the process is known to be gone.
    workers.of(web).die();
    run_until_state(web, "stopped");
    EXPECT_TRUE(power_off(web));
}

}  // namespace
}  // namespace hvis::manager

// Power cuts of workers that do not answer.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "manager/supervisor/supervisor_fixture.h"
#include "manager/supervisor/vm_waits.h"

namespace hvis::manager {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

TEST_F(SupervisorTest, StopsAVmThatAnyNumberWaitFor) {
    const Guid web = define("web");
    ASSERT_TRUE(start(web));
    std::vector<Result<void, Failure>> ended;
    for (size_t number = 0; number <= VmWaits::kMaxAsked; ++number) {
        supervisor->wait(web, control::Condition::kIp, 600s,
                         [&](auto result) { ended.push_back(std::move(result)); });
    }
    ASSERT_TRUE(run_until([&] { return !ended.empty(); }));
    EXPECT_EQ(ended.size(), 1U) << "one too many";
    EXPECT_EQ(ended.front().error().message, "too many wait for this VM already");
    EXPECT_EQ(ended.front().error().outcome, "busy");
    EXPECT_TRUE(shut_down(web));
    EXPECT_TRUE(run_until([&] { return ended.size() == VmWaits::kMaxAsked + 1; }));
}

TEST_F(SupervisorTest, StopsAVmOfWhichEverythingElseIsAsked) {
    const Guid web = define("web");
    ASSERT_TRUE(start(web));
    std::optional<Failure> refused;
    for (size_t number = 0; number <= control::Link::kMaxOutstanding; ++number) {
        supervisor->request(web, control::encode_command(control::TimeSyncCommand{}),
                            [&](auto reply) { refused = reply.error(); });
    }
    ASSERT_TRUE(run_until([&] { return refused.has_value(); }));
    EXPECT_EQ(refused->message, "too many requests to this VM are under way");
    EXPECT_TRUE(shut_down(web));
}

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

TEST_F(SupervisorTest, AShutdownThatWasLostWithTheConnectionHasFailedWhenTheWorkerIsStillThere) {
    const Guid web = define("web");
    ASSERT_TRUE(start(web));
    FakeVm& vm = workers.of(web);
    vm.ignore_shutdown = true;
    std::optional<Result<void, Failure>> answer;
    supervisor->shut_down(web, {.message = {}, .timeout = 5s},
                          [&](auto result) { answer = std::move(result); });
    ASSERT_TRUE(run_until([&] { return vm.shutdown_timeout.has_value(); }));
    EXPECT_FALSE(wanted(web));
    vm.drop_connections();
    ASSERT_TRUE(run_until([&] { return answer.has_value(); }));
    ASSERT_FALSE(*answer);
    EXPECT_THAT(answer->error().message, HasSubstr("the guest may not have been asked"));
    EXPECT_THAT(answer->error().hint, HasSubstr("hvis status web"));
    EXPECT_TRUE(wanted(web)) << "as before";
    run_until_state(web, "running");
    vm.ignore_shutdown = false;
    EXPECT_TRUE(shut_down(web)) << "it can be asked again";
    EXPECT_EQ(state(web), "stopped");
    EXPECT_FALSE(wanted(web));
}

TEST_F(SupervisorTest, AShutdownThatWasLostWithTheWorkerHasSucceeded) {
    const Guid web = define("web");
    ASSERT_TRUE(start(web));
    FakeVm& vm = workers.of(web);
    vm.ignore_shutdown = true;
    std::optional<Result<void, Failure>> answer;
    supervisor->shut_down(web, {.message = {}, .timeout = 5s},
                          [&](auto result) { answer = std::move(result); });
    ASSERT_TRUE(run_until([&] { return vm.shutdown_timeout.has_value(); }));
    vm.end("stopped", "power off");
    ASSERT_TRUE(run_until([&] { return answer.has_value(); }));
    EXPECT_TRUE(*answer);
    EXPECT_EQ(state(web), "stopped");
    EXPECT_FALSE(wanted(web));
}

}  // namespace
}  // namespace hvis::manager

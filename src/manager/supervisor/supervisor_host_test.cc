// With the host: its start and its shutdown.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "manager/supervisor/live_settings.h"
#include "manager/supervisor/supervisor_fixture.h"

namespace hvis::manager {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST_F(SupervisorTest, StopsAllInTheReverseOrderAndCutsThePowerOfTheSlow) {
    const Guid slow = define("slow", {{"autostart", {{"order", 1}, {"stop_timeout_ms", 50}}}});
    const Guid first = define("first", {{"autostart", {{"order", 9}}}});
    define("idle");
    ASSERT_TRUE(start(slow));
    ASSERT_TRUE(start(first));
    workers.of(slow).ignore_shutdown = true;
    bool done = false;
    supervisor->stop_all([&] { done = true; });
    ASSERT_TRUE(run_until([&] { return done; }));
    EXPECT_EQ(workers.of(slow).shutdown_timeout, 50ms) << "the guest's own stop_timeout_ms counts";
    EXPECT_EQ(state(slow), "stopped");
    EXPECT_EQ(state(first), "stopped");
    const auto all = names();
    EXPECT_LT(std::ranges::find(all, "worker_ended"), std::ranges::find(all, "guest_too_slow"));
    EXPECT_EQ(count("guest_too_slow"), 1);
    EXPECT_EQ(count("host_shutdown"), 1);
}

TEST_F(SupervisorTest, JoinsASecondStopOfAllToTheFirstAndMayStartVmsAfterwards) {
    config.timings.ask_again = 20ms;
    reopen();
    const Guid web = define("web");
    ASSERT_TRUE(start(web));
    workers.of(web).shutdown_in_progress = true;
    std::vector<int> done;
    supervisor->stop_all([&] { done.push_back(1); });
    run_until([] { return false; }, 50ms);
    supervisor->stop_all([&] { done.push_back(2); });
    run_until([] { return false; }, 50ms);
    EXPECT_THAT(done, IsEmpty());
    const auto refused = start(web);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, control::ErrorCode::kUnavailable);
    EXPECT_THAT(refused.error().hint, HasSubstr("host.stop_all"));
    workers.of(web).shutdown_in_progress = false;
    ASSERT_TRUE(run_until([&] { return done.size() == 2; }));
    EXPECT_THAT(done, ElementsAre(1, 2));
    EXPECT_EQ(count("host_shutdown"), 1);
    EXPECT_TRUE(start(web)) << "the host goes on";
    supervisor->stop_all([&] { done.push_back(3); });
    ASSERT_TRUE(run_until([&] { return done.size() == 3; }));
    EXPECT_EQ(state(web), "stopped");
    EXPECT_EQ(count("host_shutdown"), 2);
}

TEST_F(SupervisorTest, EndsTheStartWithTheHostWhenAllAreStopped) {
    define("early", {{"autostart", {{"enabled", true}, {"order", 1}, {"delay_ms", 100}}}});
    define("late", {{"autostart", {{"enabled", true}, {"order", 2}}}});
    ASSERT_TRUE(store->save_setting("boot", "another"));
    reopen();
    ASSERT_TRUE(run_until([&] { return !workers.launched.empty(); }));
    bool done = false;
    supervisor->stop_all([&] { done = true; });
    ASSERT_TRUE(run_until([&] { return done; }));
    run_until([] { return false; }, 200ms);
    EXPECT_THAT(workers.launched, ElementsAre("early"));
    EXPECT_EQ(state(*supervisor->find("early")), "stopped");
}

TEST_F(SupervisorTest, StartsNothingAnewThatEndedWhileItWasAwayAsTheHostGoesDown) {
    const Guid web = define("web");
    ASSERT_TRUE(start(web));
    close();
    workers.of(web).die();
    open();
    bool done = false;
    supervisor->stop_all([&] { done = true; });
    ASSERT_TRUE(run_until([&] { return done; }));
    run_until([] { return false; }, 100ms);
    EXPECT_EQ(workers.launched.size(), 1U);
    EXPECT_EQ(state(web), "failed");
    EXPECT_FALSE(wanted(web));
}

/// How often each worker was told to cut the power.
long cuts(FakeVm& worker) { return std::ranges::count(worker.verbs, "power_off"); }

TEST_F(SupervisorTest, TakesAGuestDownWithTheHostThoughAStopIsUnderWay) {
    config.timings.ask_again = 20ms;
    reopen();
    const Guid web = define("web");
    ASSERT_TRUE(start(web));
    workers.of(web).shutdown_in_progress = true;
    bool done = false;
    supervisor->stop_all([&] { done = true; });
    ASSERT_TRUE(
        run_until([&] { return std::ranges::count(workers.of(web).verbs, "shutdown") > 2; }));
    EXPECT_FALSE(done);
    // That stop is given up; the next one is ours.
    workers.of(web).shutdown_in_progress = false;
    ASSERT_TRUE(run_until([&] { return done; }));
    EXPECT_EQ(state(web), "stopped");
    EXPECT_EQ(cuts(workers.of(web)), 0);
    EXPECT_EQ(count("guest_too_slow"), 0);
}

TEST_F(SupervisorTest, IsThroughWithAGuestThatAnotherStopTakesDown) {
    config.timings.ask_again = 1h;
    reopen();
    const Guid web = define("web");
    ASSERT_TRUE(start(web));
    workers.of(web).shutdown_in_progress = true;
    bool done = false;
    supervisor->stop_all([&] { done = true; });
    ASSERT_TRUE(
        run_until([&] { return std::ranges::count(workers.of(web).verbs, "shutdown") == 1; }));
    EXPECT_FALSE(done);
    workers.of(web).end("stopped", "guest switched off");
    ASSERT_TRUE(run_until([&] { return done; })) << "without waiting to ask again";
    EXPECT_EQ(state(web), "stopped");
    EXPECT_EQ(count("guest_too_slow"), 0);
}

TEST_F(SupervisorTest, ResumesAPausedGuestToShutItDownWithTheHost) {
    const Guid web = define("web");
    ASSERT_TRUE(start(web));
    workers.of(web).set_state("paused");
    run_until_state(web, "paused");
    bool done = false;
    supervisor->stop_all([&] { done = true; });
    ASSERT_TRUE(run_until([&] { return done; }));
    const auto& verbs = workers.of(web).verbs;
    EXPECT_LT(std::ranges::find(verbs, "resume"), std::ranges::find(verbs, "shutdown"));
    EXPECT_EQ(cuts(workers.of(web)), 0);
    EXPECT_EQ(count("guest_too_slow"), 0);
}

TEST_F(SupervisorTest, WaitsForAGuestThatStillBootsWhenTheHostGoesDown) {
    config.timings.ask_again = 1h;
    reopen();
    const Guid web = define("web");
    ASSERT_TRUE(start(web));
    FakeVm& worker = workers.of(web);
    worker.disabled.insert(control::Service::kShutdown);
    worker.set_state("running");
    ASSERT_TRUE(run_until([&] {
        const auto status = supervisor->summary(web)->status;
        return service_in(*status, control::Service::kShutdown)->at("primary") == "disabled";
    }));
    bool done = false;
    supervisor->stop_all([&] { done = true; });
    ASSERT_TRUE(run_until([&] { return std::ranges::count(worker.verbs, "shutdown") == 1; }));
    run_until([] { return false; }, 50ms);
    EXPECT_FALSE(done);
    worker.disabled.clear();
    worker.set_state("running");
    ASSERT_TRUE(run_until([&] { return done; })) << "the status alone tells that it is time";
    EXPECT_EQ(std::ranges::count(worker.verbs, "shutdown"), 2);
    EXPECT_EQ(cuts(worker), 0);
    EXPECT_EQ(count("guest_too_slow"), 0);
}

TEST_F(SupervisorTest, CutsThePowerOfAGuestThatCannotBeAskedOnlyAtItsDeadline) {
    const Guid web = define("web", {{"autostart", {{"stop_timeout_ms", 200}}}});
    ASSERT_TRUE(start(web));
    workers.of(web).disabled.insert(control::Service::kShutdown);
    const TimePoint began = loop::Loop::now();
    bool done = false;
    supervisor->stop_all([&] { done = true; });
    ASSERT_TRUE(run_until([&] { return done; }));
    EXPECT_GE(loop::Loop::now() - began, 200ms);
    EXPECT_EQ(cuts(workers.of(web)), 1);
    EXPECT_EQ(count("guest_too_slow"), 1);
    EXPECT_FALSE(wanted(web));
}

TEST_F(SupervisorTest, ShutsAGuestDownWithTheHostThoughItHasJustBeenRestarted) {
    const Guid web = define("web");
    ASSERT_TRUE(start(web));
    reopen();
    EXPECT_NE(state(web), "running") << "its worker has not greeted yet";
    bool done = false;
    supervisor->stop_all([&] { done = true; });
    ASSERT_TRUE(run_until([&] { return done; }));
    EXPECT_EQ(state(web), "stopped");
    EXPECT_EQ(cuts(workers.of(web)), 0);
    EXPECT_EQ(count("guest_too_slow"), 0);
    EXPECT_EQ(count("worker_adopted"), 1);
}

TEST_F(SupervisorTest, StartsWithTheHostInOrder) {
    define("late", {{"autostart", {{"enabled", true}, {"order", 7}}}});
    define("early", {{"autostart", {{"enabled", true}, {"order", 2}}}});
    define("never");
    reopen();
    run_until([] { return false; }, 50ms);
    EXPECT_THAT(workers.launched, IsEmpty()) << "hvisd's own restart is no start of the host";
    ASSERT_TRUE(store->save_setting("boot", "another"));
    reopen();
    ASSERT_TRUE(run_until([&] { return workers.launched.size() == 2; }));
    EXPECT_THAT(workers.launched, ElementsAre("early", "late"));
    EXPECT_EQ(state(*supervisor->find("never")), "stopped");
}

TEST_F(SupervisorTest, StartsTheRestWithTheHostThoughItIsKilledInBetween) {
    define("early", {{"autostart", {{"enabled", true}, {"order", 1}, {"delay_ms", 60'000}}}});
    define("late", {{"autostart", {{"enabled", true}, {"order", 2}}}});
    ASSERT_TRUE(store->save_setting("boot", "another"));
    reopen();
    ASSERT_TRUE(run_until([&] { return !workers.launched.empty(); }));
    reopen();
    ASSERT_TRUE(run_until([&] { return workers.launched.size() == 2; }));
    EXPECT_THAT(workers.launched, ElementsAre("early", "late"));
    const Guid late = *supervisor->find("late");
    run_until_state(late, "running");
    ASSERT_TRUE(power_off(late));
    reopen();
    run_until([] { return false; }, 50ms);
    EXPECT_EQ(state(late), "stopped") << "its turn is over";
}

TEST_F(SupervisorTest, SaysWhatCouldNotBeStartedWithTheHost) {
    define("web", {{"autostart", {{"enabled", true}}}, {"restart", {{"when", "never"}}}});
    ASSERT_TRUE(store->save_setting("boot", "another"));
    workers.refuse_to_launch = true;
    reopen();
    ASSERT_TRUE(run_until([&] { return count("autostart_failed") == 1; }));
}

}  // namespace
}  // namespace hvis::manager

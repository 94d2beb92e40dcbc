// With the host: its start and its shutdown.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "manager/supervisor/supervisor_fixture.h"

namespace hvis::manager {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
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
    EXPECT_EQ(start(slow).error().code, control::ErrorCode::kUnavailable);
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

TEST_F(SupervisorTest, SaysWhatCouldNotBeStartedWithTheHost) {
    define("web", {{"autostart", {{"enabled", true}}}, {"restart", {{"when", "never"}}}});
    ASSERT_TRUE(store->save_setting("boot", "another"));
    workers.refuse_to_launch = true;
    reopen();
    ASSERT_TRUE(run_until([&] { return count("autostart_failed") == 1; }));
}

}  // namespace
}  // namespace hvis::manager

#include "loop/loop.h"

#include <thread>

#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

namespace hvis::loop {
namespace {

TEST(Loop, RunsTimersInTheOrderOfTheirDeadlines) {
    const auto loop = *Loop::create();
    std::vector<int> order;
    const TimePoint start = Loop::now();
    loop->add_timer(start + std::chrono::microseconds(2), [&] {
        order.push_back(2);
        loop->stop();
    });
    loop->add_timer(start + std::chrono::microseconds(1), [&] { order.push_back(1); });
    const auto cancelled = loop->add_timer(start, [&] { order.push_back(0); });
    loop->cancel_timer(cancelled);
    loop->run();
    EXPECT_EQ(order, (std::vector{1, 2}));
}

TEST(Loop, GivesOthersTheirTurnWhenATimerArmsItselfForThePast) {
    const auto loop = *Loop::create();
    const UniqueFd ready(::eventfd(1, EFD_NONBLOCK));
    int timers = 0;
    bool served = false;
    Loop::Callback again = [&] {
        ++timers;
        loop->add_timer(TimePoint{}, again);
    };
    again();
    ASSERT_TRUE(loop->watch(ready.get(), EPOLLIN, [&](uint32_t) { served = true; }));
    loop->run_once({});
    EXPECT_TRUE(served);
    EXPECT_EQ(timers, 2) << "once in each round";
}

TEST(Loop, DoesNotRunATimerThatADueOneCancelled) {
    const auto loop = *Loop::create();
    Loop::TimerId second = 0;
    bool ran = false;
    loop->add_timer(TimePoint{}, [&] { loop->cancel_timer(second); });
    second = loop->add_timer(TimePoint{}, [&] { ran = true; });
    loop->run_once({});
    EXPECT_FALSE(ran);
}

TEST(Loop, RunsWorkPostedByAnotherThread) {
    const auto loop = *Loop::create();
    bool done = false;
    std::jthread other([&] {
        loop->post([&] {
            done = true;
            loop->stop();
        });
    });
    loop->run();
    EXPECT_TRUE(done);
}

TEST(Loop, RefusesWorkBeyondItsLimit) {
    const auto loop = *Loop::create();
    size_t ran = 0;
    for (size_t index = 0; index < Loop::kMaxPosted; ++index) {
        ASSERT_TRUE(loop->post([&] { ++ran; }));
    }
    EXPECT_FALSE(loop->post([] {}));
    loop->run_once({});
    EXPECT_EQ(ran, Loop::kMaxPosted);
    EXPECT_TRUE(loop->post([] {}));
}

TEST(Loop, DropsAnEventFetchedForAWatchThatWasReplaced) {
    const auto loop = *Loop::create();
    const UniqueFd first(::eventfd(1, EFD_NONBLOCK));
    UniqueFd second(::eventfd(1, EFD_NONBLOCK));
    int calls = 0;
    const auto swap = [&](uint32_t) {
        ++calls;
        // Whichever of the two comes first removes the other and puts a new watch in its place.
        loop->unwatch(first.get());
        loop->unwatch(second.get());
        ASSERT_TRUE(loop->watch(second.get(), EPOLLOUT, [&](uint32_t) { calls += 100; }));
    };
    ASSERT_TRUE(loop->watch(first.get(), EPOLLIN, swap));
    ASSERT_TRUE(loop->watch(second.get(), EPOLLIN, swap));
    loop->run_once(std::chrono::seconds(1));
    EXPECT_EQ(calls, 1);
    loop->run_once(std::chrono::seconds(1));
    EXPECT_EQ(calls, 101);
}

}  // namespace
}  // namespace hvis::loop

#include "loop/later.h"

#include <optional>
#include <string>

#include <gtest/gtest.h>

namespace hvis::loop {
namespace {

TEST(Later, RunsWorkInOrderAfterTheCallbackUnderWay) {
    const auto loop = *Loop::create();
    Later later(*loop);
    std::string order;
    loop->add_timer(Loop::now(), [&] {
        later.run([&] { order += "b"; });
        later.run([&] { order += "c"; });
        order += "a";
    });
    loop->run_once(std::chrono::seconds(1));
    loop->run_once({});
    EXPECT_EQ(order, "abc");
}

TEST(Later, ForgetsWorkWhenItsOwnerDies) {
    const auto loop = *Loop::create();
    int ran = 0;
    {
        Later later(*loop);
        later.run([&] { ++ran; });
    }
    loop->run_once({});
    EXPECT_EQ(ran, 0);
}

TEST(Later, LetsWorkDestroyTheOwner) {
    const auto loop = *Loop::create();
    std::optional<Later> later(*loop);
    int ran = 0;
    later->run([&] {
        ++ran;
        later.reset();
    });
    later->run([&] { ++ran; });
    loop->run_once({});
    EXPECT_EQ(ran, 1);
}

}  // namespace
}  // namespace hvis::loop

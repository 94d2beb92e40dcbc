#include "manager/api/background.h"

#include <gtest/gtest.h>

namespace hvis::manager {
namespace {

class BackgroundTest : public ::testing::Test {
protected:
    void run_until(const bool& condition) {
        const TimePoint deadline = loop::Loop::now() + std::chrono::seconds(20);
        while (!condition && loop::Loop::now() < deadline) {
            loop_->run_once(std::chrono::milliseconds(100));
        }
    }
    std::unique_ptr<loop::Loop> loop_ = *loop::Loop::create();
};

TEST_F(BackgroundTest, RunsAJobElsewhereAndItsEndHere) {
    Background background(*loop_);
    const auto here = std::this_thread::get_id();
    std::thread::id job_thread;
    std::thread::id done_thread;
    bool progressed = false;
    bool done = false;
    background.run(
        [&](const std::atomic<bool>&) {
            job_thread = std::this_thread::get_id();
            background.to_manager([&] { progressed = !done; });
        },
        [&] {
            done_thread = std::this_thread::get_id();
            done = true;
        });
    run_until(done);
    EXPECT_NE(job_thread, here);
    EXPECT_EQ(done_thread, here);
    EXPECT_TRUE(progressed) << "what a job reports comes before its end";
}

TEST_F(BackgroundTest, RefusesMoreThanItsLimit) {
    Background background(*loop_);
    const auto wait = [](const std::atomic<bool>& cancelled) {
        while (!cancelled) {
            std::this_thread::yield();
        }
    };
    for (size_t count = 0; count < Background::kMaxJobs; ++count) {
        EXPECT_TRUE(background.run(wait, [] {}));
    }
    EXPECT_FALSE(background.run(wait, [] {}));
}

TEST_F(BackgroundTest, CancelsOneJobOnly) {
    Background background(*loop_);
    bool done = false;
    const auto cancelled = background.run(
        [](const std::atomic<bool>& flag) {
            while (!flag) {
                std::this_thread::yield();
            }
        },
        [&] { done = true; });
    cancelled->store(true);
    run_until(done);
    EXPECT_TRUE(done);
}

}  // namespace
}  // namespace hvis::manager

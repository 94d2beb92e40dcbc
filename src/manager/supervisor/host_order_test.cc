#include "manager/supervisor/host_order.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hvis::manager {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

class HostOrderTest : public testing::Test {
protected:
    static Guid vm(uint8_t number) {
        Guid id;
        id.bytes[0] = number;
        return id;
    }
    void run(std::vector<HostOrder::Item> items, HostOrder::Direction direction) {
        order = std::make_unique<HostOrder>(
            *loop, std::move(items), direction,
            [this](const Guid& id, std::function<void()> through) {
                begun.push_back(id.bytes[0]);
                if (at_once) {
                    through();
                } else {
                    open.push_back(std::move(through));
                }
            },
            [this] { done = true; });
        order->run();
        turn();
    }
    void turn() {
        for (int round = 0; round < 5; ++round) {
            loop->run_once(0ms);
        }
    }
    void finish_open() {
        for (const auto& through : std::exchange(open, {})) {
            through();
        }
        turn();
    }

    std::unique_ptr<loop::Loop> loop = *loop::Loop::create();
    std::unique_ptr<HostOrder> order;
    std::vector<uint8_t> begun;
    std::vector<std::function<void()>> open;
    bool at_once = false;
    bool done = false;
};

TEST_F(HostOrderTest, IsDoneAtOnceWithNothing) {
    run({}, HostOrder::Direction::kLowestFirst);
    EXPECT_TRUE(done);
}

TEST_F(HostOrderTest, BeginsAGroupWhenTheOneBeforeIsThrough) {
    run({{vm(1), 5, {}}, {vm(2), 1, {}}, {vm(3), 5, {}}}, HostOrder::Direction::kLowestFirst);
    EXPECT_THAT(begun, ElementsAre(2));
    finish_open();
    EXPECT_THAT(begun, ElementsAre(2, 1, 3));
    EXPECT_FALSE(done);
    finish_open();
    EXPECT_TRUE(done);
}

TEST_F(HostOrderTest, GoesTheOtherWayToo) {
    at_once = true;
    run({{vm(1), 5, {}}, {vm(2), 1, {}}, {vm(3), 9, {}}}, HostOrder::Direction::kHighestFirst);
    EXPECT_THAT(begun, ElementsAre(3, 1, 2));
    EXPECT_TRUE(done);
}

TEST_F(HostOrderTest, WaitsAsLongAsTheLongestDelayOfAGroup) {
    at_once = true;
    const TimePoint start = loop::Loop::now();
    run({{vm(1), 1, 20ms}, {vm(2), 1, 60ms}, {vm(3), 2, 10min}},
        HostOrder::Direction::kLowestFirst);
    while (!done) {
        loop->run_once(10ms);
    }
    EXPECT_GE(loop::Loop::now() - start, 60ms);
    EXPECT_THAT(begun, ElementsAre(1, 2, 3));
}

TEST_F(HostOrderTest, WorksOnAFewAtATime) {
    std::vector<HostOrder::Item> items;
    for (uint8_t number = 0; number < HostOrder::kMaxAtOnce + 3; ++number) {
        items.push_back({vm(number), 1, {}});
    }
    run(items, HostOrder::Direction::kLowestFirst);
    EXPECT_EQ(begun.size(), HostOrder::kMaxAtOnce);
    finish_open();
    EXPECT_EQ(begun.size(), items.size());
    finish_open();
    EXPECT_TRUE(done);
}

}  // namespace
}  // namespace hvis::manager

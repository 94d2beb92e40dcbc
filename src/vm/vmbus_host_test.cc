#include "vm/vmbus_host.h"

#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "loopback/loopback_partition.h"
#include "wire/hypercall.h"

namespace hvis::vm {
namespace {

using testing::ElementsAre;
using testing::Pair;
using testing::SizeIs;

class VmbusHostTest : public testing::Test, protected VmbusObserver {
protected:
    VmbusHostTest() { set_log_level(LogLevel::kError); }

    void vmbus_connected(wire::VmbusVersion /*version*/) override {}
    void vmbus_disconnected(vmbus::DisconnectReason /*reason*/) override {}
    void vmbus_message_rejected(std::string_view reason, uint32_t suppressed) override {
        rejections_.emplace_back(reason, suppressed);
    }
    /// A message that is not of the VMBus at all.
    void post_nonsense() { EXPECT_TRUE(host_.message_posted(wire::kMessageConnectionId, 7, {})); }

    std::unique_ptr<loop::Loop> loop_ = *loop::Loop::create();
    std::unique_ptr<loopback::LoopbackPartition> partition_ =
        *loopback::LoopbackPartition::create({.memory_bytes = 256 << 10}, *loop_);
    VmbusHost host_{*partition_, *loop_, wire::VmbusVersion::kWin10_5_3, this};
    std::vector<std::pair<std::string, uint32_t>> rejections_;
};

TEST_F(VmbusHostTest, TellsWhyAMessageWasRejected) {
    post_nonsense();
    EXPECT_THAT(rejections_, ElementsAre(Pair("message is not of the VMBus type", 0U)));
    // A message of the bus that ends before it has begun.
    EXPECT_TRUE(host_.message_posted(wire::kMessageConnectionId, wire::kVmbusMessageType, {}));
    EXPECT_THAT(rejections_, SizeIs(2));
    EXPECT_EQ(host_.rejected_messages(), 2U);
}

TEST_F(VmbusHostTest, TellsOfAFewAtATimeHoweverManyThereAre) {
    for (int count = 0; count < 1000; ++count) {
        post_nonsense();
    }
    EXPECT_EQ(host_.rejected_messages(), 1000U);
    EXPECT_THAT(rejections_, SizeIs(testing::AllOf(testing::Ge(LogLimit::kBurst),
                                                   testing::Lt(10 * LogLimit::kBurst))))
        << "a few more on a machine that took long over it";
}

}  // namespace
}  // namespace hvis::vm

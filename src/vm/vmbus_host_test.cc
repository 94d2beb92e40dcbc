#include "vm/vmbus_host.h"

#include <cerrno>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "loopback/loopback_partition.h"
#include "wire/hypercall.h"
#include "wire/vmbus_messages_guest.h"

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

/// A guest's slots and what became of the messages for them; nobody tells when a slot is emptied.
class SilentSlots : public Partition {
public:
    GuestMemory& memory() override { return memory_; }
    [[nodiscard]] uint32_t processor_count() const override { return 1; }
    [[nodiscard]] uint64_t reference_time() const override { return 0; }
    void accept_messages(uint32_t /*connection_id*/) override {}
    void retry_messages() override {}
    Result<PostResult> post_message(SynicTarget /*target*/,
                                    const SynicMessage& /*message*/) override {
        ++tried;
        if (answers.empty()) {
            return PostResult::kPosted;
        }
        auto answer = answers.front();
        answers.pop_front();
        return answer;
    }
    void signal_event(SynicTarget /*target*/, uint16_t /*flag*/) override {}
    void signal_event_again(SynicTarget /*target*/, uint16_t /*flag*/) override {}
    Result<void> connect_port(uint32_t /*connection_id*/, int /*event_fd*/) override { return {}; }
    void disconnect_port(uint32_t /*connection_id*/) override {}
    Result<void> start() override { return {}; }
    void pause() override {}
    void resume() override {}
    Result<void> reset() override { return {}; }

    std::deque<Result<PostResult>> answers;
    int tried = 0;

private:
    GuestMemory memory_ = *GuestMemory::create({{{0}, 64 << 10}}, "silent-slots");
};

TEST(VmbusHostSlots, AreLookedAtAgainThoughTheirEndOfMessageIsLost) {
    set_log_level(LogLevel::kError);
    const auto loop = *loop::Loop::create();
    SilentSlots guest;
    guest.answers = {PostResult::kSlotBusy, std::unexpected(Error{Errc::kOs, "no memory", ENOMEM}),
                     PostResult::kSlotBusy};
    VmbusHost host(guest, *loop, wire::VmbusVersion::kWin10_5_3, nullptr);
    const wire::InitiateContact contact{
        .version = static_cast<uint32_t>(wire::VmbusVersion::kWin10_5_3),
        .target_vp = 0,
        .target_sint = 2};
    EXPECT_TRUE(host.message_posted(wire::kMessageConnectionIdV5, wire::kVmbusMessageType,
                                    wire::format_message(wire::GuestMessage(contact))));
    EXPECT_EQ(guest.tried, 1);
    while (guest.tried < 4) {
        loop->run_once(std::chrono::seconds(5));
    }
    EXPECT_TRUE(guest.answers.empty());
    EXPECT_EQ(host.version(), wire::VmbusVersion::kWin10_5_3);
}

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

#include "loopback/guest/synic_pages.h"

#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "vm/synic.h"
#include "wire/hypercall.h"

namespace hvis::loopback {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr vm::SynicTarget kTarget{.vp = 0, .sint = 2};
constexpr uint64_t kMessagePage = 1;
constexpr uint64_t kEventPage = 2;

/// The host's Synic over the same pages.
class SynicPagesTest : public ::testing::Test {
protected:
    SynicPagesTest() {
        host_.set_message_page(0, kMessagePage * vm::kPageSize | 1);
        host_.set_event_page(0, kEventPage * vm::kPageSize | 1);
        host_.set_control(0, 1);
    }

    vm::GuestMemory memory_ =
        *vm::GuestMemory::create({{.start = {0}, .size = 4 * vm::kPageSize}}, "synic-pages-test");
    vm::Synic host_{memory_, 1};
    SynicPages guest_ = *SynicPages::create(memory_, kMessagePage, kEventPage);
};

TEST_F(SynicPagesTest, TakesOneMessageAndAsksForTheNext) {
    EXPECT_FALSE(guest_.take_message(kTarget.sint));
    const Bytes payload(wire::kMaxMessagePayload, std::byte{9});
    EXPECT_EQ(*host_.post_message(kTarget, {.type = 1, .payload = payload}),
              vm::Synic::Posted::kYes);
    auto taken = guest_.take_message(kTarget.sint);
    ASSERT_TRUE(taken);
    EXPECT_EQ(taken->message.type, 1U);
    EXPECT_EQ(taken->message.payload, payload);
    EXPECT_FALSE(taken->end_of_message_due);

    EXPECT_EQ(*host_.post_message(kTarget, {.type = 2, .payload = {}}), vm::Synic::Posted::kYes);
    EXPECT_EQ(*host_.post_message(kTarget, {.type = 3, .payload = {}}),
              vm::Synic::Posted::kSlotBusy);
    taken = guest_.take_message(kTarget.sint);
    ASSERT_TRUE(taken);
    EXPECT_TRUE(taken->end_of_message_due);
    EXPECT_EQ(*host_.post_message(kTarget, {.type = 3, .payload = {}}), vm::Synic::Posted::kYes);
}

TEST_F(SynicPagesTest, TakesEventFlagsOnce) {
    for (const uint16_t flag : std::vector<uint16_t>{0, 1, 31, 32, 2047}) {
        EXPECT_TRUE(host_.set_event_flag(kTarget, flag));
    }
    EXPECT_FALSE(host_.set_event_flag(kTarget, 32));
    EXPECT_THAT(guest_.take_events(kTarget.sint), ElementsAre(0, 1, 31, 32, 2047));
    EXPECT_THAT(guest_.take_events(kTarget.sint), IsEmpty());
    EXPECT_TRUE(host_.set_event_flag(kTarget, 32));
}

TEST_F(SynicPagesTest, CutsAMessageThatSaysItIsTooLong) {
    const uint64_t slot = kMessagePage * vm::kPageSize + kTarget.sint * wire::kMessageSlotSize;
    ASSERT_TRUE(memory_.write({slot + 4}, uint8_t{255}));
    ASSERT_TRUE(memory_.write({slot}, uint32_t{1}));
    EXPECT_EQ(guest_.take_message(kTarget.sint)->message.payload.size(), wire::kMaxMessagePayload);
}

TEST_F(SynicPagesTest, LosesNoMessageBetweenTwoProcessors) {
    constexpr uint32_t kMessages = 5'000;
    std::atomic<bool> freed{false};
    std::thread guest([&] {
        for (uint32_t expected = 1; expected <= kMessages;) {
            const auto taken = guest_.take_message(kTarget.sint);
            if (!taken) {
                std::this_thread::yield();
                continue;
            }
            EXPECT_EQ(taken->message.type, expected++);
            if (taken->end_of_message_due) {
                freed = true;
            }
        }
    });
    for (uint32_t number = 1; number <= kMessages; ++number) {
        while (*host_.post_message(kTarget, {.type = number, .payload = {}}) !=
               vm::Synic::Posted::kYes) {
            // Without the guest's word the host would wait for ever: that is the protocol's point.
            while (!freed.exchange(false)) {
                std::this_thread::yield();
            }
        }
    }
    guest.join();
}

}  // namespace
}  // namespace hvis::loopback

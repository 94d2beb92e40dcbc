#include "vm/synic.h"

#include <array>
#include <cstring>
#include <thread>

#include <gtest/gtest.h>

#include "wire/hypercall.h"

namespace hvis::vm {
namespace {

constexpr uint64_t kMessagePage = 0x4000;
constexpr uint64_t kEventPage = 0x5000;
constexpr SynicTarget kTarget{.vp = 1, .sint = wire::kVmbusSint};
constexpr uint64_t kSlot = kMessagePage + wire::kVmbusSint * wire::kMessageSlotSize;

class SynicTest : public testing::Test {
protected:
    void enable() {
        synic_.set_message_page(1, kMessagePage | 1);
        synic_.set_event_page(1, kEventPage | 1);
        synic_.set_control(1, 1);
    }
    /// The guest's side of a slot, as Linux's vmbus_signal_eom does it.
    std::atomic_ref<uint32_t> type() { return std::atomic_ref<uint32_t>(*at<uint32_t>(kSlot)); }
    std::atomic_ref<uint8_t> flags() { return std::atomic_ref<uint8_t>(*at<uint8_t>(kSlot + 5)); }
    template <class T>
    T* at(uint64_t address) {
        return static_cast<T*>(static_cast<void*>(*memory_.range({address}, sizeof(T))));
    }

    GuestMemory memory_ = std::move(*GuestMemory::create({{{0}, 1 << 20}}, "test"));
    Synic synic_{memory_, 2};
};

TEST_F(SynicTest, WritesAMessageIntoAnEmptySlot) {
    enable();
    const SynicMessage message{.type = 1, .payload = Bytes(240, std::byte{0xab})};
    EXPECT_EQ(synic_.post_message(kTarget, message), Synic::Posted::kYes);
    EXPECT_EQ(type().load(), 1U);
    EXPECT_EQ(*at<uint8_t>(kSlot + 4), 240);
    EXPECT_EQ(flags().load(), 0);
    EXPECT_EQ(*at<uint8_t>(kSlot + 16), 0xab);
    EXPECT_EQ(*at<uint8_t>(kSlot + 255), 0xab);
    EXPECT_EQ(*at<uint8_t>(kSlot + 256), 0);
}

TEST_F(SynicTest, AsksForAnEndOfMessageWhenTheSlotIsBusy) {
    enable();
    const SynicMessage message{.type = 1, .payload = {}};
    ASSERT_EQ(synic_.post_message(kTarget, message), Synic::Posted::kYes);
    EXPECT_EQ(synic_.post_message(kTarget, message), Synic::Posted::kSlotBusy);
    EXPECT_EQ(flags().load(), 1);
    type().store(0);
    EXPECT_EQ(synic_.post_message(kTarget, message), Synic::Posted::kYes);
    EXPECT_EQ(flags().load(), 0);
}

TEST_F(SynicTest, DeliversNothingUntilPageAndControlAreEnabled) {
    const SynicMessage message{.type = 1, .payload = {}};
    EXPECT_EQ(synic_.post_message(kTarget, message), Synic::Posted::kDisabled);
    EXPECT_FALSE(synic_.set_event_flag(kTarget, 0));
    synic_.set_message_page(1, kMessagePage | 1);
    synic_.set_event_page(1, kEventPage | 1);
    EXPECT_EQ(synic_.post_message(kTarget, message), Synic::Posted::kDisabled);
    EXPECT_FALSE(synic_.set_event_flag(kTarget, 0));
    enable();
    EXPECT_EQ(synic_.post_message({.vp = 0, .sint = 2}, message), Synic::Posted::kDisabled);
    EXPECT_TRUE(synic_.set_event_flag(kTarget, 0));
    synic_.set_message_page(1, kMessagePage);  // bit 0 clear
    EXPECT_EQ(synic_.post_message(kTarget, message), Synic::Posted::kDisabled);
    synic_.reset();
    EXPECT_FALSE(synic_.set_event_flag(kTarget, 1));
}

TEST_F(SynicTest, TreatsPagesOutsideRamAsDisabled) {
    enable();
    for (const uint64_t page : {uint64_t{1} << 20, uint64_t{1} << 52, ~uint64_t{0}}) {
        synic_.set_message_page(1, page | 1);
        synic_.set_event_page(1, page | 1);
        EXPECT_EQ(synic_.post_message(kTarget, {.type = 1, .payload = {}}),
                  Synic::Posted::kDisabled);
        EXPECT_FALSE(synic_.set_event_flag(kTarget, 3));
    }
    synic_.set_message_page(7, kMessagePage | 1);  // no such processor
}

TEST_F(SynicTest, ZeroesAPageOnlyWhenItMovesThere) {
    ASSERT_TRUE(memory_.fill({kMessagePage}, kPageSize, std::byte{0xee}));
    enable();
    EXPECT_EQ(type().load(), 0U);
    ASSERT_EQ(synic_.post_message(kTarget, {.type = 1, .payload = {}}), Synic::Posted::kYes);
    synic_.set_message_page(1, 0);
    synic_.set_message_page(1, kMessagePage | 1);
    EXPECT_EQ(type().load(), 1U);
}

TEST_F(SynicTest, RefusesTargetsAndSizesThatDoNotExist) {
    enable();
    EXPECT_FALSE(synic_.post_message({.vp = 2, .sint = 2}, {.type = 1, .payload = {}}));
    EXPECT_FALSE(synic_.post_message({.vp = 1, .sint = 16}, {.type = 1, .payload = {}}));
    EXPECT_FALSE(synic_.post_message(kTarget, {.type = 0, .payload = {}}));
    EXPECT_FALSE(synic_.post_message(kTarget, {.type = 1, .payload = Bytes(241)}));
    EXPECT_FALSE(synic_.set_event_flag({.vp = 2, .sint = 2}, 0));
    EXPECT_FALSE(synic_.set_event_flag({.vp = 1, .sint = 16}, 0));
    EXPECT_FALSE(synic_.set_event_flag(kTarget, 2048));
}

TEST_F(SynicTest, SaysOnceThatAFlagIsNew) {
    enable();
    EXPECT_TRUE(synic_.set_event_flag(kTarget, 2047));
    EXPECT_FALSE(synic_.set_event_flag(kTarget, 2047));
    EXPECT_TRUE(synic_.set_event_flag(kTarget, 0));
    const uint64_t first = kEventPage + wire::kVmbusSint * 256;
    EXPECT_EQ(*at<uint32_t>(first), 1U);
    EXPECT_EQ(*at<uint32_t>(first + 252), uint32_t{1} << 31);
}

// The two sides of TLFS's message_pending protocol against each other: no message may get stuck
// with neither an empty slot seen by the host nor a flag seen by the guest.
TEST_F(SynicTest, LosesNoMessageWhenTheGuestEmptiesTheSlotMeanwhile) {
    enable();
    constexpr uint32_t kMessages = 3'000;
    std::atomic<bool> end_of_message{false};
    std::thread guest([&] {
        for (uint32_t received = 0; received < kMessages;) {
            if (type().load(std::memory_order_acquire) == 0) {
                std::this_thread::yield();
                continue;
            }
            uint32_t sequence = 0;
            std::memcpy(&sequence, at<uint32_t>(kSlot + 16), sizeof(sequence));
            ASSERT_EQ(sequence, received);
            ++received;
            type().store(0, std::memory_order_seq_cst);
            if ((flags().load(std::memory_order_seq_cst) & 1) != 0) {
                end_of_message.store(true);
            }
        }
    });
    for (uint32_t sequence = 0; sequence < kMessages; ++sequence) {
        SynicMessage message{.type = 1, .payload = Bytes(sizeof(sequence))};
        std::memcpy(message.payload.data(), &sequence, sizeof(sequence));
        while (synic_.post_message(kTarget, message) != Synic::Posted::kYes) {
            while (!end_of_message.exchange(false)) {
                std::this_thread::yield();
            }
        }
    }
    guest.join();
}

TEST_F(SynicTest, RaisesAFlagForEveryChangeThatTheGuestDidNotSeeYet) {
    enable();
    constexpr uint32_t kSignals = 3'000;
    std::atomic<uint32_t> interrupts{0};
    std::atomic<bool> done{false};
    std::atomic<uint32_t> produced{0};
    uint32_t consumed = 0;
    std::thread guest([&] {
        std::atomic_ref<uint32_t> word(*at<uint32_t>(kEventPage + wire::kVmbusSint * 256));
        const auto take = [&] {
            if ((word.exchange(0) & 1) != 0) {
                consumed = produced.load();
            }
        };
        while (!done.load()) {
            if (interrupts.exchange(0) != 0) {
                take();
            }
        }
        take();
    });
    for (uint32_t i = 1; i <= kSignals; ++i) {
        produced.store(i);
        if (synic_.set_event_flag(kTarget, 0)) {
            interrupts.fetch_add(1);
        }
    }
    done.store(true);
    guest.join();
    EXPECT_EQ(consumed, kSignals);
}

}  // namespace
}  // namespace hvis::vm

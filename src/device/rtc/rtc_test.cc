#include "device/rtc/rtc.h"

#include <array>

#include <gtest/gtest.h>

namespace hvis::device {
namespace {

using std::chrono::sys_days;
using std::chrono::year;

class RtcTest : public testing::Test {
protected:
    uint8_t get(uint8_t index) {
        out(0, index);
        std::array<std::byte, 1> data{};
        rtc_.read(1, data);
        return std::to_integer<uint8_t>(data[0]);
    }
    void out(uint64_t offset, uint8_t value) {
        const std::array data{std::byte{value}};
        rtc_.write(offset, data);
    }

    std::chrono::system_clock::time_point now_ = sys_days(year{2026} / 11 / 22) +
                                                 std::chrono::hours(17) + std::chrono::minutes(23) +
                                                 std::chrono::seconds(59);
    Rtc rtc_{[this] { return now_; }};
};

TEST_F(RtcTest, TellsTheHostsTimeInBcd) {
    EXPECT_EQ(get(0x00), 0x59);
    EXPECT_EQ(get(0x02), 0x23);
    EXPECT_EQ(get(0x04), 0x17);
    EXPECT_EQ(get(0x06), 1);  // a Sunday
    EXPECT_EQ(get(0x07), 0x22);
    EXPECT_EQ(get(0x08), 0x11);
    EXPECT_EQ(get(0x09), 0x26);
    EXPECT_EQ(get(0x32), 0x20);
    now_ += std::chrono::seconds(1);
    EXPECT_EQ(get(0x02), 0x24);
}

TEST_F(RtcTest, IsNeverInTheMiddleOfAnUpdate) {
    EXPECT_EQ(get(0x0a) & 0x80, 0);
    EXPECT_EQ(get(0x0b), 0x02);
    EXPECT_EQ(get(0x0c), 0);
    EXPECT_EQ(get(0x0d), 0x80);
}

TEST_F(RtcTest, CannotBeSet) {
    out(0, 0x09);
    out(1, 0x70);
    EXPECT_EQ(get(0x09), 0x26);
    out(0, 0x0b);
    out(1, 0x06);
    EXPECT_EQ(get(0x0b), 0x02);
}

TEST_F(RtcTest, KeepsTheOtherBytesUntilReset) {
    out(0, 0x0f | 0x80);  // the top bit is the NMI mask
    out(1, 0x5a);
    EXPECT_EQ(get(0x0f), 0x5a);
    rtc_.reset();
    EXPECT_EQ(get(0x0f), 0);
}

}  // namespace
}  // namespace hvis::device

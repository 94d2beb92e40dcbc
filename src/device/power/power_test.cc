#include "device/power/power.h"

#include <array>
#include <cstring>
#include <vector>

#include <gtest/gtest.h>

#include "vm/ports.h"

namespace hvis::device {
namespace {

class PowerTest : public testing::Test {
protected:
    void out(uint16_t port, uint8_t value) {
        const std::array data{std::byte{value}};
        power_.write(port - vm::kPowerPort, data);
    }
    uint32_t timer() {
        uint32_t value = 0;
        power_.read(vm::kPmTimerPort - vm::kPowerPort,
                    std::as_writable_bytes(std::span(&value, 1)));
        return value;
    }

    TimePoint now_{};
    std::vector<vm::StopReason> stops_;
    Power power_{[this](vm::StopReason reason) { stops_.push_back(reason); },
                 [this] { return now_; }};
};

TEST_F(PowerTest, SwitchesOffOnlyForTheStatesThatCutThePower) {
    for (unsigned type = 0; type < 8; ++type) {
        out(vm::kSleepControlPort, static_cast<uint8_t>(type << 2));  // no SLP_EN
        if (type != vm::kSleepTypeSoftOff && type != vm::kSleepTypeHibernate) {
            out(vm::kSleepControlPort, static_cast<uint8_t>(type << 2 | 0x20));
        }
    }
    EXPECT_TRUE(stops_.empty());
    out(vm::kSleepControlPort, vm::kSleepTypeSoftOff << 2 | 0x20);
    out(vm::kSleepControlPort, vm::kSleepTypeHibernate << 2 | 0x20);
    EXPECT_EQ(stops_, std::vector(2, vm::StopReason::kPowerOff));
}

TEST_F(PowerTest, ResetsOnlyForTheValueThatTheTablesName) {
    out(vm::kResetPort, 0);
    out(vm::kResetPort, 6);
    EXPECT_TRUE(stops_.empty());
    out(vm::kResetPort, vm::kResetValue);
    EXPECT_EQ(stops_, std::vector{vm::StopReason::kReset});
}

TEST_F(PowerTest, IgnoresWideWrites) {
    const std::array<std::byte, 4> data{std::byte{vm::kSleepTypeSoftOff << 2 | 0x20}};
    power_.write(0, data);
    EXPECT_TRUE(stops_.empty());
}

TEST_F(PowerTest, CountsAtTheAcpiRateAndWrapsAt32Bits) {
    EXPECT_EQ(timer(), 0U);
    now_ += std::chrono::seconds(1);
    EXPECT_EQ(timer(), 3'579'545U);
    now_ += std::chrono::hours(1);
    EXPECT_EQ(timer(), static_cast<uint32_t>(uint64_t{3'579'545} * 3601));
    now_ += std::chrono::hours(1000);
    EXPECT_EQ(timer(), static_cast<uint32_t>(uint64_t{3'579'545} * (3601 + 3'600'000)));
}

TEST_F(PowerTest, GivesTheTimerByteByByteToo) {
    now_ += std::chrono::seconds(1);
    std::array<std::byte, 1> data{};
    power_.read(vm::kPmTimerPort - vm::kPowerPort + 2, data);
    EXPECT_EQ(std::to_integer<uint32_t>(data[0]), 3'579'545U >> 16 & 0xff);
    power_.read(vm::kSleepStatusPort - vm::kPowerPort, data);
    EXPECT_EQ(data[0], std::byte{0});
}

}  // namespace
}  // namespace hvis::device

#include "vm/io_bus.h"

#include <algorithm>
#include <array>
#include <vector>

#include <gtest/gtest.h>

namespace hvis::vm {
namespace {

/// Remembers what it was asked.
class Recorder : public IoHandler {
public:
    void read(uint64_t offset, MutableByteView data) override {
        offsets.push_back(offset);
        std::ranges::fill(data, std::byte{0x5a});
    }
    void write(uint64_t offset, ByteView data) override {
        offsets.push_back(offset);
        written.assign(data.begin(), data.end());
    }
    void reset() override { ++resets; }

    std::vector<uint64_t> offsets;
    Bytes written;
    int resets = 0;
};

TEST(IoBus, TellsTheHandlerTheOffsetInItsRange) {
    IoBus bus;
    Recorder low;
    Recorder high;
    ASSERT_TRUE(bus.attach_ports(0x3f8, 8, high));
    ASSERT_TRUE(bus.attach_ports(0x70, 2, low));
    const std::array data{std::byte{1}};
    bus.write_port(0x71, data);
    bus.write_port(0x3ff, data);
    EXPECT_EQ(low.offsets, std::vector<uint64_t>{1});
    EXPECT_EQ(high.offsets, std::vector<uint64_t>{7});
    EXPECT_EQ(bus.unclaimed(), 0U);
}

TEST(IoBus, AnswersWithOnesAndCountsWhereNobodyIs) {
    IoBus bus;
    Recorder device;
    ASSERT_TRUE(bus.attach_ports(0x70, 2, device));
    std::array<std::byte, 4> data{};
    bus.read_port(0xcf8, data);
    bus.read_memory({0x70}, data);
    bus.write_port(0x6f, std::span(data).first(1));
    EXPECT_EQ(data,
              (std::array{std::byte{0xff}, std::byte{0xff}, std::byte{0xff}, std::byte{0xff}}));
    EXPECT_EQ(bus.unclaimed(), 3U);
    EXPECT_TRUE(device.offsets.empty());
}

TEST(IoBus, GivesNoAccessThatCrossesTheEndOfARange) {
    IoBus bus;
    Recorder device;
    ASSERT_TRUE(bus.attach_ports(0x70, 2, device));
    std::array<std::byte, 4> data{};
    bus.read_port(0x71, std::span(data).first(2));
    EXPECT_TRUE(device.offsets.empty());
    EXPECT_EQ(bus.unclaimed(), 1U);
}

TEST(IoBus, RefusesOverlaps) {
    IoBus bus;
    Recorder device;
    ASSERT_TRUE(bus.attach_memory({0x1000}, 0x1000, device));
    EXPECT_FALSE(bus.attach_memory({0xfff}, 2, device));
    EXPECT_FALSE(bus.attach_memory({0x1fff}, 1, device));
    EXPECT_FALSE(bus.attach_memory({0x800}, 0x4000, device));
    EXPECT_FALSE(bus.attach_memory({0x1800}, 0x10, device));
    EXPECT_FALSE(bus.attach_memory({0x5000}, 0, device));
    EXPECT_FALSE(bus.attach_memory({~uint64_t{0}}, 2, device));
    EXPECT_TRUE(bus.attach_memory({0x2000}, 1, device));
    EXPECT_TRUE(bus.attach_memory({0xfff}, 1, device));
}

TEST(IoBus, HasALimit) {
    IoBus bus;
    Recorder device;
    for (size_t i = 0; i < IoBus::kMaxRanges; ++i) {
        ASSERT_TRUE(bus.attach_ports(static_cast<uint16_t>(i), 1, device));
    }
    const auto result = bus.attach_ports(0x1000, 1, device);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, Errc::kLimit);
}

TEST(IoBus, ResetsEachHandlerOnce) {
    IoBus bus;
    Recorder device;
    ASSERT_TRUE(bus.attach_ports(0x70, 2, device));
    ASSERT_TRUE(bus.attach_memory({0x1000}, 8, device));
    bus.reset();
    EXPECT_EQ(device.resets, 1);
}

}  // namespace
}  // namespace hvis::vm

#include "vm/memory_map.h"

#include <gtest/gtest.h>

namespace hvis::vm {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;
constexpr uint64_t kGiB = uint64_t{1} << 30;

TEST(MemoryMap, PutsASmallGuestsRamBelowTheHole) {
    const auto map = MemoryMap::plan(512 * kMiB);
    ASSERT_TRUE(map);
    ASSERT_EQ(map->ram.size(), 1U);
    EXPECT_EQ(map->ram[0].size, 512 * kMiB);
    EXPECT_EQ(map->high_window.start.value, 4 * kGiB);
}

TEST(MemoryMap, SplitsALargeGuestsRamAroundTheHole) {
    const auto map = MemoryMap::plan(8 * kGiB);
    ASSERT_TRUE(map);
    ASSERT_EQ(map->ram.size(), 2U);
    EXPECT_EQ(map->ram[0].size, MemoryMap::kLowWindowStart.value);
    EXPECT_EQ(map->ram[1].start.value, 4 * kGiB);
    EXPECT_EQ(map->ram[0].size + map->ram[1].size, 8 * kGiB);
}

TEST(MemoryMap, NeverLetsAWindowTouchRamOrTheInterruptControllers) {
    for (uint64_t size = MemoryMap::kMinRam; size <= 16 * kGiB; size += 97 * kMiB) {
        const auto map = MemoryMap::plan(size);
        ASSERT_TRUE(map);
        const auto& top = map->ram.back();
        EXPECT_GE(map->high_window.start.value, top.start.value + top.size);
        EXPECT_EQ(map->high_window.start.value % map->high_window.size, 0U);
        EXPECT_GE(map->low_window.start.value, map->ram.front().size);
        EXPECT_LT(map->low_window.last(), MemoryMap::kIoApic);
    }
}

TEST(MemoryMap, RefusesSizesThatNoMachineHas) {
    EXPECT_FALSE(MemoryMap::plan(0));
    EXPECT_FALSE(MemoryMap::plan(MemoryMap::kMinRam - kMiB));
    EXPECT_FALSE(MemoryMap::plan(MemoryMap::kMaxRam + kMiB));
    EXPECT_FALSE(MemoryMap::plan(~uint64_t{0}));
    EXPECT_FALSE(MemoryMap::plan(64 * kMiB + 1));
}

}  // namespace
}  // namespace hvis::vm

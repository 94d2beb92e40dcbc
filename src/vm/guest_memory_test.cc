#include "vm/guest_memory.h"

#include <algorithm>
#include <array>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

namespace hvis::vm {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;
constexpr uint64_t kHigh = uint64_t{4} << 30;

GuestMemory make_memory() {
    auto memory = GuestMemory::create({{{0}, kMiB}, {{kHigh}, 2 * kMiB}}, "test");
    EXPECT_TRUE(memory);
    return std::move(*memory);
}

TEST(GuestMemory, KeepsWhatIsWrittenInEachRegion) {
    auto memory = make_memory();
    ASSERT_TRUE(memory.write({0x1000}, uint64_t{1}));
    ASSERT_TRUE(memory.write({kHigh + 0x1000}, uint64_t{2}));
    EXPECT_EQ(memory.read<uint64_t>({0x1000}), uint64_t{1});
    EXPECT_EQ(memory.read<uint64_t>({kHigh + 0x1000}), uint64_t{2});
}

TEST(GuestMemory, RefusesEveryAddressOutsideItsRegions) {
    const auto memory = make_memory();
    std::array<std::byte, 16> bytes;
    for (const uint64_t address : {kMiB, kMiB - 15, kHigh - 1, kHigh - 16, kHigh + 2 * kMiB,
                                   kHigh + 2 * kMiB - 15, ~uint64_t{0}, ~uint64_t{0} - 15}) {
        EXPECT_FALSE(memory.copy_out({address}, bytes)) << std::hex << address;
    }
    EXPECT_TRUE(memory.copy_out({kMiB - 16}, bytes));
    EXPECT_TRUE(memory.copy_out({kHigh + 2 * kMiB - 16}, bytes));
}

TEST(GuestMemory, RefusesSizesThatWrap) {
    const auto memory = make_memory();
    EXPECT_FALSE(memory.range({0x1000}, ~uint64_t{0}));
    EXPECT_FALSE(memory.range({kHigh}, ~uint64_t{0} - kHigh));
    EXPECT_FALSE(memory.page(~uint64_t{0}));
    EXPECT_FALSE(memory.page(~uint64_t{0} / kPageSize));
}

TEST(GuestMemory, GivesPagesWhereTheirBytesAre) {
    auto memory = make_memory();
    const auto page = memory.page(kHigh / kPageSize);
    ASSERT_TRUE(page);
    EXPECT_EQ(*page, memory.host_base() + memory.region_offset(1));
    ASSERT_TRUE(memory.write({kHigh}, uint8_t{7}));
    EXPECT_EQ((*page)[0], std::byte{7});
}

TEST(GuestMemory, ReadsZeroAgainAfterClear) {
    auto memory = make_memory();
    ASSERT_TRUE(memory.fill({0}, kMiB, std::byte{0xaa}));
    ASSERT_TRUE(memory.clear());
    EXPECT_EQ(memory.read<uint64_t>({0x2000}), uint64_t{0});
}

TEST(GuestMemory, RefusesRegionsThatAreNoMemoryMap) {
    EXPECT_FALSE(GuestMemory::create({}, "test"));
    EXPECT_FALSE(GuestMemory::create({{{0}, 0}}, "test"));
    EXPECT_FALSE(GuestMemory::create({{{1}, kPageSize}}, "test"));
    EXPECT_FALSE(GuestMemory::create({{{0}, kPageSize + 1}}, "test"));
    EXPECT_FALSE(GuestMemory::create({{{0}, kMiB}, {{kPageSize}, kMiB}}, "test"));
    EXPECT_FALSE(GuestMemory::create({{{kHigh}, kMiB}, {{0}, kMiB}}, "test"));
    EXPECT_FALSE(GuestMemory::create({{{~uint64_t{0} - kPageSize + 1}, kPageSize}}, "test"));
    EXPECT_FALSE(GuestMemory::create({{{0}, ~uint64_t{0} - kPageSize + 1}}, "test"));
}

TEST(GuestMemory, IsSharedWithWhoeverAdoptsTheSameFile) {
    auto memory = make_memory();
    auto other = GuestMemory::adopt(UniqueFd(dup(memory.memfd())), memory.regions());
    ASSERT_TRUE(other);
    ASSERT_TRUE(memory.write({0x3000}, uint32_t{42}));
    EXPECT_EQ(other->read<uint32_t>({0x3000}), uint32_t{42});
}

TEST(GuestMemory, RefusesAFileThatCouldShrinkUnderIt) {
    UniqueFd fd(memfd_create("test", MFD_CLOEXEC));  // no sealing
    ASSERT_EQ(ftruncate(fd.get(), kMiB), 0);
    EXPECT_FALSE(GuestMemory::adopt(std::move(fd), {{{0}, kMiB}}));
}

TEST(GuestMemory, RefusesAFileThatIsTooSmall) {
    UniqueFd fd(memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    ASSERT_EQ(ftruncate(fd.get(), kMiB - 1), 0);
    EXPECT_FALSE(GuestMemory::adopt(std::move(fd), {{{0}, kMiB}}));
}

TEST(GuestMemory, CannotBeShrunkByThePeer) {
    const auto memory = make_memory();
    EXPECT_NE(ftruncate(memory.memfd(), 0), 0);
}

}  // namespace
}  // namespace hvis::vm

#include "vm/boot/start_tables.h"

#include <array>

#include "vm/boot/layout.h"

namespace hvis::vm {
namespace {

constexpr size_t kEntries = 512;
using Table = std::array<uint64_t, kEntries>;
static_assert(sizeof(Table) == kPageSize);

// Intel SDM volume 3A, "4-Level Paging".
constexpr uint64_t kPresentWritable = 3;
constexpr uint64_t kLargePage = 0x80;
constexpr uint64_t kLargePageSize = uint64_t{2} << 20;
constexpr size_t kDirectories = 4;

// Flat segments. Intel SDM volume 3A, "Segment Descriptors".
constexpr std::array<uint64_t, 5> kGdt = {0, 0, 0x00af'9b00'0000'ffff, 0x00cf'9300'0000'ffff,
                                          0x0080'8b00'0000'ffff};
static_assert(sizeof(kGdt) == kGdtLimit + 1);

}  // namespace

Result<void> write_start_tables(GuestMemory& memory) {
    constexpr uint64_t kPointers = kPageTablesAddress + kPageSize;
    constexpr uint64_t kFirstDirectory = kPointers + kPageSize;
    static_assert(kFirstDirectory + kDirectories * kPageSize <= kCommandLineAddress);

    Table top{};
    top[0] = kPointers | kPresentWritable;
    HVIS_CHECK(memory.write({kPageTablesAddress}, top));

    Table pointers{};
    for (size_t i = 0; i < kDirectories; ++i) {
        pointers[i] = (kFirstDirectory + i * kPageSize) | kPresentWritable;
    }
    HVIS_CHECK(memory.write({kPointers}, pointers));

    for (size_t i = 0; i < kDirectories; ++i) {
        Table directory{};
        for (size_t j = 0; j < kEntries; ++j) {
            directory[j] = (i * kEntries + j) * kLargePageSize | kPresentWritable | kLargePage;
        }
        HVIS_CHECK(memory.write({kFirstDirectory + i * kPageSize}, directory));
    }
    return memory.write({kGdtAddress}, kGdt);
}

}  // namespace hvis::vm

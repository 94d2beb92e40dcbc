#include "wire/gpa_ranges.h"

#include <gtest/gtest.h>

namespace hvis::wire {
namespace {

GpaRanges two_ranges() {
    GpaRanges ranges;
    ranges.add(8192, 0, std::vector<uint64_t>{10, 11});
    ranges.add(4096, 100, std::vector<uint64_t>{20, 21});
    return ranges;
}

Errc error_of(const std::vector<uint64_t>& words, uint32_t count) {
    GpaRanges out;
    const auto result = parse_gpa_ranges(words, count, out);
    return result ? Errc::kOs : result.error().code;
}

uint64_t head(uint32_t byte_count, uint32_t byte_offset) {
    return uint64_t{byte_count} | uint64_t{byte_offset} << 32U;
}

TEST(GpaRanges, ReadsWhatItWrites) {
    GpaRanges out;
    ASSERT_TRUE(parse_gpa_ranges(format_gpa_ranges(two_ranges()), 2, out));
    EXPECT_EQ(out, two_ranges());
    EXPECT_EQ(out.byte_count(), 12288U);
    EXPECT_EQ(out.pages_of(out.ranges[1])[1], 21U);
}

TEST(GpaRanges, TakesNoMoreMemoryThanItNeeds) {
    GpaRanges many;
    for (uint64_t page = 0; page < 1000; ++page) {
        many.add(4096, 0, std::vector<uint64_t>{page});
    }
    GpaRanges out;
    ASSERT_TRUE(parse_gpa_ranges(format_gpa_ranges(many), 1000, out));
    EXPECT_EQ(out.ranges.capacity(), 1000U);
    EXPECT_EQ(out.pages.capacity(), 1000U);
}

TEST(GpaRanges, RefusesEveryPrefix) {
    const auto words = format_gpa_ranges(two_ranges());
    for (size_t length = 0; length < words.size(); ++length) {
        EXPECT_EQ(error_of({words.begin(), words.begin() + static_cast<ptrdiff_t>(length)}, 2),
                  Errc::kInvalid)
            << length;
    }
}

TEST(GpaRanges, RefusesCountsAndOffsetsThatLie) {
    EXPECT_EQ(error_of({head(4096, 0), 1}, 0), Errc::kInvalid) << "no range";
    EXPECT_EQ(error_of({head(0, 0)}, 1), Errc::kInvalid) << "empty range";
    EXPECT_EQ(error_of({head(1, 4096), 1, 2}, 1), Errc::kInvalid) << "offset of a page";
    EXPECT_EQ(error_of({head(4096, 1), 1}, 1), Errc::kInvalid) << "one page short";
    EXPECT_EQ(error_of({head(0xffffffff, 4095), 1}, 1), Errc::kInvalid) << "2^20 pages";
    EXPECT_EQ(error_of({head(4096, 0), 1, 2}, 1), Errc::kInvalid) << "a page too many";
    EXPECT_EQ(error_of({head(4096, 0), 1}, 0xffffffff), Errc::kInvalid) << "2^32 ranges";
}

}  // namespace
}  // namespace hvis::wire

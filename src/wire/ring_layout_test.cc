#include "wire/ring_layout.h"

#include <gtest/gtest.h>

namespace hvis::wire {
namespace {

GpaRanges one_range() {
    GpaRanges ranges;
    ranges.add(6000, 512, std::vector<uint64_t>{0x1000, 0x1001});
    return ranges;
}

TEST(GpaDirect, ReadsWhatItWrites) {
    GpaRanges out;
    ASSERT_TRUE(parse_gpa_direct(format_gpa_direct(one_range()), out));
    EXPECT_EQ(out, one_range());
}

TEST(GpaDirect, RefusesEveryPrefix) {
    const Bytes whole = format_gpa_direct(one_range());
    for (size_t length = 0; length < whole.size(); ++length) {
        GpaRanges out;
        EXPECT_FALSE(parse_gpa_direct(ByteView(whole).first(length), out)) << length;
    }
}

TEST(GpaDirect, IgnoresWhatFollowsTheRanges) {
    Bytes bytes = format_gpa_direct(one_range());
    bytes.resize(bytes.size() + 16);
    GpaRanges out;
    EXPECT_TRUE(parse_gpa_direct(bytes, out));
}

TEST(GpaDirect, BoundsRangesAndPages) {
    GpaRanges many;
    for (uint32_t index = 0; index <= kMaxGpaDirectRanges; ++index) {
        many.add(1, 0, std::vector<uint64_t>{index});
    }
    GpaRanges out;
    EXPECT_FALSE(parse_gpa_direct(format_gpa_direct(many), out));
    GpaRanges wide;
    wide.add((kMaxGpaDirectPages + 1) * kRingPageSize, 0,
             std::vector<uint64_t>(kMaxGpaDirectPages + 1));
    EXPECT_FALSE(parse_gpa_direct(format_gpa_direct(wide), out));
    GpaRanges none;
    EXPECT_FALSE(parse_gpa_direct(format_gpa_direct(none), out));
    GpaRanges offset;
    offset.add(1, kRingPageSize, std::vector<uint64_t>{1, 2});
    EXPECT_FALSE(parse_gpa_direct(format_gpa_direct(offset), out));
}

TEST(TransferPages, ReadsWhatItWritesAndRefusesEveryPrefix) {
    const TransferPages header{
        .page_set_id = 0xcafe, .sender_owns_set = true, .ranges = {{100, 0}, {200, 4096}}};
    const Bytes whole = format_transfer_pages(header);
    const auto parsed = parse_transfer_pages(whole);
    ASSERT_TRUE(parsed);
    EXPECT_EQ(*parsed, header);
    for (size_t length = 0; length < whole.size(); ++length) {
        EXPECT_FALSE(parse_transfer_pages(ByteView(whole).first(length))) << length;
    }
}

TEST(TransferPages, BoundsRanges) {
    const TransferPages header{
        .page_set_id = 1,
        .sender_owns_set = false,
        .ranges = std::vector<TransferPageRange>(kMaxTransferPageRanges + 1)};
    EXPECT_FALSE(parse_transfer_pages(format_transfer_pages(header)));
}

}  // namespace
}  // namespace hvis::wire

#include "wire/gpa_ranges.h"

#include "wire/ring_layout.h"

namespace hvis::wire {
namespace {

/// Pages that a range touches; fits 32 bits, both inputs being 32 bits of bytes.
uint64_t pages_spanned(uint32_t byte_count, uint32_t byte_offset) {
    return (uint64_t{byte_count} + byte_offset + kRingPageSize - 1) / kRingPageSize;
}

}  // namespace

void GpaRanges::add(uint32_t byte_count, uint32_t byte_offset,
                    std::span<const uint64_t> page_numbers) {
    ranges.push_back({
        .byte_count = byte_count,
        .byte_offset = byte_offset,
        .first_page = static_cast<uint32_t>(pages.size()),
        .page_count = static_cast<uint32_t>(page_numbers.size()),
    });
    pages.insert(pages.end(), page_numbers.begin(), page_numbers.end());
}

uint64_t GpaRanges::byte_count() const {
    uint64_t total = 0;
    for (const auto& range : ranges) {
        total += range.byte_count;
    }
    return total;
}

Result<void> parse_gpa_ranges(std::span<const uint64_t> words, uint32_t range_count,
                              GpaRanges& out) {
    out.clear();
    if (range_count == 0) {
        return fail(Errc::kInvalid, "no page ranges");
    }
    if (range_count > words.size()) {
        return fail(Errc::kInvalid, "fewer page ranges than announced");
    }
    out.ranges.reserve(range_count);
    out.pages.reserve(words.size() - range_count);
    for (uint32_t index = 0; index < range_count; ++index) {
        if (words.empty()) {
            return fail(Errc::kInvalid, "fewer page ranges than announced");
        }
        const auto byte_count = static_cast<uint32_t>(words.front());
        const auto byte_offset = static_cast<uint32_t>(words.front() >> 32U);
        words = words.subspan(1);
        if (byte_count == 0) {
            return fail(Errc::kInvalid, "empty page range");
        }
        if (byte_offset >= kRingPageSize) {
            return fail(Errc::kInvalid, "page range starts beyond its first page");
        }
        const uint64_t page_count = pages_spanned(byte_count, byte_offset);
        if (page_count > words.size()) {
            return fail(Errc::kInvalid, "page range has too few pages");
        }
        out.add(byte_count, byte_offset, words.first(page_count));
        words = words.subspan(page_count);
    }
    if (!words.empty()) {
        return fail(Errc::kInvalid, "pages behind the last page range");
    }
    return {};
}

std::vector<uint64_t> format_gpa_ranges(const GpaRanges& ranges) {
    std::vector<uint64_t> words;
    words.reserve(ranges.ranges.size() + ranges.pages.size());
    for (const auto& range : ranges.ranges) {
        words.push_back(uint64_t{range.byte_count} | uint64_t{range.byte_offset} << 32U);
        const auto pages = ranges.pages_of(range);
        words.insert(words.end(), pages.begin(), pages.end());
    }
    return words;
}

}  // namespace hvis::wire

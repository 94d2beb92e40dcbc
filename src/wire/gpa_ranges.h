#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"

namespace hvis::wire {

/// Bytes of guest memory that look contiguous: they start `byte_offset` into the first page.
struct GpaRange {
    uint32_t byte_count = 0;
    uint32_t byte_offset = 0;
    uint32_t first_page = 0;  ///< index into GpaRanges::pages
    uint32_t page_count = 0;
    bool operator==(const GpaRange&) const = default;
};

/// Ranges with their guest page numbers in one list, so that reuse allocates nothing. The numbers
/// are checked against nothing: only GuestMemory knows which pages exist.
struct GpaRanges {
    std::vector<GpaRange> ranges;
    std::vector<uint64_t> pages;

    [[nodiscard]] std::span<const uint64_t> pages_of(const GpaRange& range) const {
        return std::span(pages).subspan(range.first_page, range.page_count);
    }
    /// Appends a range that starts `byte_offset` into the first of `page_numbers`.
    void add(uint32_t byte_count, uint32_t byte_offset, std::span<const uint64_t> page_numbers);
    void clear() {
        ranges.clear();
        pages.clear();
    }
    [[nodiscard]] uint64_t byte_count() const;
    bool operator==(const GpaRanges&) const = default;
};

/// Reads `range_count` ranges, each a word (byte count low, byte offset high) and its page numbers,
/// which must fill `words` exactly. Linux: struct gpa_range. `out` is replaced; it takes no more
/// memory than its contents need.
Result<void> parse_gpa_ranges(std::span<const uint64_t> words, uint32_t range_count,
                              GpaRanges& out);
/// The words that parse_gpa_ranges reads.
std::vector<uint64_t> format_gpa_ranges(const GpaRanges& ranges);

}  // namespace hvis::wire

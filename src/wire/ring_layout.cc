#include "wire/ring_layout.h"

#include "wire/reader.h"
#include "wire/writer.h"

namespace hvis::wire {
namespace {

struct GpaDirectLayout {
    uint32_t reserved;
    uint32_t range_count;
};
static_assert(sizeof(PacketDescriptor) + sizeof(GpaDirectLayout) == 24);

struct TransferPagesLayout {
    uint16_t page_set_id;
    uint8_t sender_owns_set;
    uint8_t reserved;
    uint32_t range_count;
};
static_assert(sizeof(PacketDescriptor) + sizeof(TransferPagesLayout) == 24);
static_assert(sizeof(TransferPageRange) == 8);

}  // namespace

Result<void> parse_gpa_direct(ByteView extended_header, GpaRanges& ranges) {
    ranges.clear();
    Reader reader(extended_header);
    const auto layout = HVIS_TRY(reader.take<GpaDirectLayout>());
    if (layout.range_count == 0 || layout.range_count > kMaxGpaDirectRanges) {
        return fail(Errc::kProtocol, "packet with no or too many page ranges");
    }
    for (uint32_t index = 0; index < layout.range_count; ++index) {
        const auto byte_count = HVIS_TRY(reader.take<uint32_t>());
        const auto byte_offset = HVIS_TRY(reader.take<uint32_t>());
        if (byte_offset >= kRingPageSize) {
            return fail(Errc::kProtocol, "page range starts beyond its first page");
        }
        const uint64_t page_count =
            (uint64_t{byte_count} + byte_offset + kRingPageSize - 1) / kRingPageSize;
        if (page_count > kMaxGpaDirectPages - ranges.pages.size()) {
            return fail(Errc::kProtocol, "packet names too many pages");
        }
        ranges.ranges.push_back({
            .byte_count = byte_count,
            .byte_offset = byte_offset,
            .first_page = static_cast<uint32_t>(ranges.pages.size()),
            .page_count = static_cast<uint32_t>(page_count),
        });
        for (uint64_t page = 0; page < page_count; ++page) {
            ranges.pages.push_back(HVIS_TRY(reader.take<uint64_t>()));
        }
    }
    return {};
}

Bytes format_gpa_direct(const GpaRanges& ranges) {
    Bytes bytes;
    Writer writer(bytes);
    writer.put(
        GpaDirectLayout{.reserved = 0, .range_count = static_cast<uint32_t>(ranges.ranges.size())});
    for (const uint64_t word : format_gpa_ranges(ranges)) {
        writer.put(word);
    }
    return bytes;
}

Result<TransferPages> parse_transfer_pages(ByteView extended_header) {
    Reader reader(extended_header);
    const auto layout = HVIS_TRY(reader.take<TransferPagesLayout>());
    if (layout.range_count > kMaxTransferPageRanges) {
        return fail(Errc::kProtocol, "packet with too many transfer page ranges");
    }
    TransferPages header{.page_set_id = layout.page_set_id,
                         .sender_owns_set = layout.sender_owns_set != 0,
                         .ranges = {}};
    for (uint32_t index = 0; index < layout.range_count; ++index) {
        header.ranges.push_back(HVIS_TRY(reader.take<TransferPageRange>()));
    }
    return header;
}

Bytes format_transfer_pages(const TransferPages& header) {
    Bytes bytes;
    Writer writer(bytes);
    writer.put(TransferPagesLayout{
        .page_set_id = header.page_set_id,
        .sender_owns_set = static_cast<uint8_t>(header.sender_owns_set ? 1 : 0),
        .reserved = 0,
        .range_count = static_cast<uint32_t>(header.ranges.size()),
    });
    for (const auto& range : header.ranges) {
        writer.put(range);
    }
    return bytes;
}

}  // namespace hvis::wire

#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "wire/gpa_ranges.h"

namespace hvis::wire {

/// Bytes of a ring's control page; the data pages follow it. Linux: struct hv_ring_buffer.
inline constexpr uint32_t kRingPageSize = 4096;

/// Offsets of the 32-bit words of the control page.
inline constexpr size_t kRingWriteIndex = 0;     ///< bytes from the start of the data
inline constexpr size_t kRingReadIndex = 4;      ///< bytes from the start of the data
inline constexpr size_t kRingInterruptMask = 8;  ///< set by the reader: do not signal me
inline constexpr size_t kRingPendingSendSize =
    12;  ///< set by the writer: signal me at this much room
inline constexpr size_t kRingFeatureBits = 64;
/// The writer uses the pending send size.
inline constexpr uint32_t kRingFeaturePendingSendSize = 1;

/// Every packet starts and ends on a multiple of this.
inline constexpr uint32_t kRingAlignment = 8;
/// Behind each packet: the offset of its start, in the upper half of eight bytes. Not counted in
/// the descriptor's length. Linux: VMBUS_PKT_TRAILER.
inline constexpr uint32_t kPacketFooterSize = 8;

/// Start of every packet in a ring. Linux: struct vmpacket_descriptor.
struct PacketDescriptor {
    uint16_t type = 0;
    uint16_t data_offset8 = 0;  ///< where the payload starts, in 8-byte units from the descriptor
    uint16_t length8 = 0;       ///< of the packet with its descriptor, in 8-byte units
    uint16_t flags = 0;
    uint64_t transaction_id = 0;
    bool operator==(const PacketDescriptor&) const = default;
};
static_assert(sizeof(PacketDescriptor) == 16);
inline constexpr uint32_t kPacketDescriptorSize = sizeof(PacketDescriptor);

/// Longest packet, descriptor included, that a descriptor can state.
inline constexpr uint32_t kMaxPacketSize = 0xffff * kRingAlignment;

/// Values of PacketDescriptor::type that anybody sends. Linux: enum vmbus_packet_type.
inline constexpr uint16_t kPacketInBand = 6;
inline constexpr uint16_t kPacketTransferPages = 7;
inline constexpr uint16_t kPacketGpaDirect = 9;
inline constexpr uint16_t kPacketCancel = 10;
inline constexpr uint16_t kPacketCompletion = 11;

/// PacketDescriptor::flags: the sender waits for a kPacketCompletion with the same transaction id.
inline constexpr uint16_t kPacketCompletionRequested = 1;

/// Most ranges and pages that one GPA-direct packet may name; Linux sends one range of at most a
/// few hundred pages.
inline constexpr uint32_t kMaxGpaDirectRanges = 64;
inline constexpr uint32_t kMaxGpaDirectPages = 4096;

/// Reads what stands between descriptor and payload of a kPacketGpaDirect packet into `ranges`,
/// whose memory is reused. Linux: struct vmdata_gpa_direct.
Result<void> parse_gpa_direct(ByteView extended_header, GpaRanges& ranges);
/// The bytes that parse_gpa_direct reads.
Bytes format_gpa_direct(const GpaRanges& ranges);

/// One piece of a transfer-page buffer.
struct TransferPageRange {
    uint32_t byte_count = 0;
    uint32_t byte_offset = 0;
    bool operator==(const TransferPageRange&) const = default;
};
inline constexpr uint32_t kMaxTransferPageRanges = 4096;

/// What stands between descriptor and payload of a kPacketTransferPages packet. Linux: struct
/// vmtransfer_page_packet_header.
struct TransferPages {
    uint16_t page_set_id = 0;
    bool sender_owns_set = false;
    std::vector<TransferPageRange> ranges;
    bool operator==(const TransferPages&) const = default;
};
Result<TransferPages> parse_transfer_pages(ByteView extended_header);
Bytes format_transfer_pages(const TransferPages& header);

}  // namespace hvis::wire

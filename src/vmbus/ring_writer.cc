#include "vmbus/ring_writer.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <span>

namespace hvis::vmbus {
namespace {

using wire::kPacketDescriptorSize;
using wire::kPacketFooterSize;
using wire::kRingAlignment;

constexpr std::array<std::byte, kRingAlignment> kPadding{};

uint32_t wrap(uint64_t offset, uint32_t size) {
    return static_cast<uint32_t>(offset >= size ? offset - size : offset);
}

std::byte* append(std::byte* to, ByteView bytes) {
    if (!bytes.empty()) {
        std::memcpy(to, bytes.data(), bytes.size());
    }
    return to + bytes.size();
}

constexpr size_t padded(size_t size) {
    return (size + kRingAlignment - 1) / kRingAlignment * kRingAlignment;
}

}  // namespace

Result<RingWriter> RingWriter::attach(RingMemory memory) {
    const uint32_t index = memory.load_relaxed(wire::kRingWriteIndex);
    const uint32_t reader = memory.load_acquire(wire::kRingReadIndex);
    for (const uint32_t value : {index, reader}) {
        if (value >= memory.size() || value % kRingAlignment != 0) {
            return fail(Errc::kProtocol, "ring's index is outside the ring");
        }
    }
    memory.store_relaxed(wire::kRingFeatureBits, memory.load_relaxed(wire::kRingFeatureBits) |
                                                     wire::kRingFeaturePendingSendSize);
    memory.store_release(wire::kRingPendingSendSize, 0);
    return RingWriter(std::move(memory), index, reader);
}

uint32_t RingWriter::space_for(size_t extended_header_size, size_t payload_size) {
    const size_t whole =
        kPacketDescriptorSize + extended_header_size + padded(payload_size) + kPacketFooterSize;
    return static_cast<uint32_t>(std::min<size_t>(whole, UINT32_MAX));
}

uint32_t RingWriter::room() const {
    return next_ >= reader_ ? memory_.size() - (next_ - reader_) : reader_ - next_;
}

Result<void> RingWriter::load_reader_index() {
    const uint32_t index = memory_.load_acquire(wire::kRingReadIndex);
    // The index must lie between where it was and what we have published, in ring order.
    const uint32_t size = memory_.size();
    const uint32_t unread = wrap(uint64_t{committed_} + size - reader_, size);
    if (index >= size || index % kRingAlignment != 0 ||
        wrap(uint64_t{index} + size - reader_, size) > unread) {
        broken_ = true;
        return fail(Errc::kProtocol, "ring's read index is outside what was written");
    }
    reader_ = index;
    return {};
}

Result<bool> RingWriter::has_room(uint32_t bytes) {
    if (broken_) {
        return fail(Errc::kProtocol, "ring is broken");
    }
    // Strictly more: a ring filled to the last byte would look empty.
    if (bytes >= memory_.size()) {
        return fail(Errc::kLimit, "packet is larger than the ring");
    }
    if (room() <= bytes) {
        HVIS_CHECK(load_reader_index());
    }
    if (room() <= bytes) {
        // First what was written: the reader reckons the room by what it sees, and signals only
        // when that grows past the pending size.
        publish();
        memory_.store_relaxed(wire::kRingPendingSendSize, bytes);
        waiting_ = true;
        // The reader moves its index and then looks at the pending size; we do the reverse.
        std::atomic_thread_fence(std::memory_order_seq_cst);
        HVIS_CHECK(load_reader_index());
        if (room() <= bytes) {
            return false;
        }
    }
    if (waiting_) {
        memory_.store_relaxed(wire::kRingPendingSendSize, 0);
        waiting_ = false;
    }
    return true;
}

Result<WriteResult> RingWriter::write(const PacketToWrite& packet) {
    const size_t data_offset = kPacketDescriptorSize + packet.extended_header.size();
    if (packet.extended_header.size() % kRingAlignment != 0) {
        return fail(Errc::kInvalid, "extended header is not a multiple of 8 bytes");
    }
    const size_t padding = padded(packet.payload.size()) - packet.payload.size();
    const size_t length = data_offset + packet.payload.size() + padding;
    if (length > wire::kMaxPacketSize) {
        return fail(Errc::kLimit, "packet is too long");
    }
    if (!HVIS_TRY(has_room(static_cast<uint32_t>(length) + kPacketFooterSize))) {
        return WriteResult::kFull;
    }
    put(packet, {
                    .type = packet.type,
                    .data_offset8 = static_cast<uint16_t>(data_offset / kRingAlignment),
                    .length8 = static_cast<uint16_t>(length / kRingAlignment),
                    .flags = packet.flags,
                    .transaction_id = packet.transaction_id,
                });
    return WriteResult::kWritten;
}

/// There is room for it.
void RingWriter::put(const PacketToWrite& packet, const wire::PacketDescriptor& descriptor) {
    const uint64_t footer = uint64_t{next_} << 32U;
    const size_t padding = padded(packet.payload.size()) - packet.payload.size();
    const size_t whole = (size_t{descriptor.length8} * kRingAlignment) + kPacketFooterSize;
    const auto descriptor_bytes = std::as_bytes(std::span(&descriptor, 1));
    const auto footer_bytes = std::as_bytes(std::span(&footer, 1));
    if (std::byte* to = memory_.run(next_, whole)) {
        std::memcpy(to, descriptor_bytes.data(), kPacketDescriptorSize);
        to = append(to + kPacketDescriptorSize, packet.extended_header);
        to = append(to, packet.payload);
        to = append(to, ByteView(kPadding).first(padding));
        std::memcpy(to, footer_bytes.data(), kPacketFooterSize);
    } else {
        uint32_t offset = next_;
        for (const auto part : {descriptor_bytes, packet.extended_header, packet.payload,
                                ByteView(kPadding).first(padding), footer_bytes}) {
            memory_.copy_in(offset, part);
            offset = wrap(uint64_t{offset} + part.size(), memory_.size());
        }
    }
    next_ = wrap(uint64_t{next_} + whole, memory_.size());
}

void RingWriter::publish() {
    if (committed_ == next_) {
        return;
    }
    const uint32_t before = std::exchange(committed_, next_);
    // Release: the packets are complete before the reader sees the index.
    memory_.store_release(wire::kRingWriteIndex, next_);
    // The reader empties the ring, clears its mask and looks again at our index; we do the reverse.
    std::atomic_thread_fence(std::memory_order_seq_cst);
    // It needs a signal only if it had read everything that came before. A lie here costs the
    // reader a signal and us nothing; the next write looks at the index in earnest.
    signal_due_ = signal_due_ || (memory_.load_acquire(wire::kRingInterruptMask) == 0 &&
                                  memory_.load_acquire(wire::kRingReadIndex) == before);
}

bool RingWriter::commit() {
    if (broken_) {
        return false;
    }
    publish();
    return std::exchange(signal_due_, false);
}

}  // namespace hvis::vmbus

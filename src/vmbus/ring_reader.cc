#include "vmbus/ring_reader.h"

#include <atomic>

#include "base/shared_copy.h"

namespace hvis::vmbus {
namespace {

using wire::kPacketDescriptorSize;
using wire::kPacketFooterSize;
using wire::kRingAlignment;

wire::PacketDescriptor copy_descriptor(const RingMemory& memory, uint32_t offset) {
    wire::PacketDescriptor descriptor;
    if (const auto* at = memory.run(offset, sizeof(descriptor))) {
        copy_from_shared(&descriptor, at, sizeof(descriptor));
    } else {
        memory.copy_out(offset, std::as_writable_bytes(std::span(&descriptor, 1)));
    }
    return descriptor;
}

void copy_body(const RingMemory& memory, uint32_t offset, MutableByteView to) {
    if (to.empty()) {
        return;
    }
    if (const auto* at = memory.run(offset, to.size())) {
        copy_from_shared(to.data(), at, to.size());
    } else {
        memory.copy_out(offset, to);
    }
}

}  // namespace

Result<RingReader> RingReader::attach(RingMemory memory) {
    const uint32_t index = memory.load_acquire(wire::kRingReadIndex);
    if (index >= memory.size() || index % kRingAlignment != 0) {
        return fail(Errc::kProtocol, "ring's read index is outside the ring");
    }
    return RingReader(std::move(memory), index);
}

uint32_t RingReader::distance(uint32_t from, uint32_t to) const {
    return to >= from ? to - from : memory_.size() - from + to;
}

Result<void> RingReader::load_writer_index() {
    const uint32_t index = memory_.load_acquire(wire::kRingWriteIndex);
    if (index >= memory_.size() || index % kRingAlignment != 0) {
        broken_ = true;
        return fail(Errc::kProtocol, "ring's write index is outside the ring");
    }
    // A writer only moves on. One that went back would have us read what it may be overwriting.
    if (distance(committed_, index) < distance(committed_, next_)) {
        broken_ = true;
        return fail(Errc::kProtocol, "ring's write index went back");
    }
    writer_ = index;
    return {};
}

Result<std::optional<Packet>> RingReader::read(Bytes& buffer) {
    if (broken_) {
        return fail(Errc::kProtocol, "ring is broken");
    }
    if (next_ == writer_) {
        HVIS_CHECK(load_writer_index());
        if (next_ == writer_) {
            return std::nullopt;
        }
    }
    const uint32_t available = distance(next_, writer_);
    if (available < kPacketDescriptorSize + kPacketFooterSize) {
        broken_ = true;
        return fail(Errc::kProtocol, "ring holds less than a packet");
    }
    const auto descriptor = copy_descriptor(memory_, next_);
    const uint32_t length = uint32_t{descriptor.length8} * kRingAlignment;
    const uint32_t data_offset = uint32_t{descriptor.data_offset8} * kRingAlignment;
    if (data_offset < kPacketDescriptorSize || length < data_offset ||
        length > available - kPacketFooterSize) {
        broken_ = true;
        return fail(Errc::kProtocol, "packet's sizes contradict the ring");
    }
    // Only what follows the descriptor: it was read above, and is not looked at again.
    const uint32_t body = length - kPacketDescriptorSize;
    if (buffer.size() < body) {
        buffer.resize(body);
    }
    const uint32_t body_offset = next_ + kPacketDescriptorSize;
    copy_body(memory_, body_offset >= memory_.size() ? body_offset - memory_.size() : body_offset,
              MutableByteView(buffer).first(body));
    next_ += length + kPacketFooterSize;
    if (next_ >= memory_.size()) {
        next_ -= memory_.size();
    }
    const uint32_t header_size = data_offset - kPacketDescriptorSize;
    return Packet{
        .type = descriptor.type,
        .flags = descriptor.flags,
        .transaction_id = descriptor.transaction_id,
        .extended_header = ByteView(buffer).first(header_size),
        .payload = ByteView(buffer).subspan(header_size, body - header_size),
    };
}

bool RingReader::commit() {
    if (broken_ || committed_ == next_) {
        return false;
    }
    const uint32_t taken = distance(committed_, next_);
    // Release: our copies are complete before the writer may overwrite what was copied.
    memory_.store_release(wire::kRingReadIndex, next_);
    committed_ = next_;
    if ((memory_.load_relaxed(wire::kRingFeatureBits) & wire::kRingFeaturePendingSendSize) == 0) {
        return false;
    }
    // The writer stores its pending size and then looks at our index; we do the reverse. One of
    // the two must see the other's store.
    std::atomic_thread_fence(std::memory_order_seq_cst);
    const uint32_t pending = memory_.load_acquire(wire::kRingPendingSendSize);
    if (pending == 0 || !load_writer_index()) {
        return false;
    }
    // Room as the writer reckons it: more than the packet, so that full never looks like empty. We
    // signal on the step from too little to enough, and only then. 64 bits: taken may exceed what
    // a lying writer claims is free.
    const uint64_t room_now = memory_.size() - distance(committed_, writer_);
    return room_now > pending && room_now <= uint64_t{pending} + taken;
}

void RingReader::mask_signals() {
    memory_.store_relaxed(wire::kRingInterruptMask, 1);
    std::atomic_thread_fence(std::memory_order_seq_cst);
}

bool RingReader::unmask_signals() {
    memory_.store_relaxed(wire::kRingInterruptMask, 0);
    // The writer publishes its index and then looks at the mask; we do the reverse.
    std::atomic_thread_fence(std::memory_order_seq_cst);
    return available() != 0;
}

uint32_t RingReader::available() {
    if (broken_ || !load_writer_index()) {
        return 0;
    }
    return distance(next_, writer_);
}

}  // namespace hvis::vmbus

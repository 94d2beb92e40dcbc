#include "vmbus/ring_memory.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <utility>

#include "base/shared_copy.h"

namespace hvis::vmbus {
namespace {

/// One word of the control page, which the other side may write at any moment.
std::atomic_ref<uint32_t> word(std::byte* control, size_t offset) {
    // SAFETY: the page is 4096-aligned and mapped for the life of the ring; offsets are the
    // constants of ring_layout.h, all multiples of four. Nothing accesses these words but this.
    // NOLINTNEXTLINE(bugprone-casting-through-void): -Wcast-align objects to the direct way
    return std::atomic_ref(*static_cast<uint32_t*>(static_cast<void*>(control + offset)));
}

}  // namespace

Result<RingMemory> RingMemory::create(std::byte* control, std::vector<std::byte*> data_pages) {
    if (data_pages.empty()) {
        return fail(Errc::kInvalid, "ring without data pages");
    }
    if (data_pages.size() > kMaxDataPages) {
        return fail(Errc::kLimit, "ring is too large");
    }
    return RingMemory(control, std::move(data_pages));
}

RingMemory::RingMemory(std::byte* control, std::vector<std::byte*> pages)
    : control_(control),
      pages_(std::move(pages)),
      size_(static_cast<uint32_t>(pages_.size()) * wire::kRingPageSize) {
    const auto apart = [](const std::byte* page, const std::byte* next) {
        return next != page + wire::kRingPageSize;
    };
    if (std::ranges::adjacent_find(pages_, apart) == pages_.end()) {
        contiguous_ = pages_.front();
    }
}

uint32_t RingMemory::load_acquire(size_t word_offset) const {
    return word(control_, word_offset).load(std::memory_order_acquire);
}

uint32_t RingMemory::load_relaxed(size_t word_offset) const {
    return word(control_, word_offset).load(std::memory_order_relaxed);
}

void RingMemory::store_release(size_t word_offset, uint32_t value) {
    word(control_, word_offset).store(value, std::memory_order_release);
}

void RingMemory::store_relaxed(size_t word_offset, uint32_t value) {
    word(control_, word_offset).store(value, std::memory_order_relaxed);
}

void RingMemory::copy_out(uint32_t offset, MutableByteView to) const {
    if (contiguous_ != nullptr) {
        const size_t first = std::min<size_t>(to.size(), size_ - offset);
        copy_from_shared(to.data(), contiguous_ + offset, first);
        copy_from_shared(to.data() + first, contiguous_, to.size() - first);
        return;
    }
    while (!to.empty()) {
        const uint32_t in_page = offset % wire::kRingPageSize;
        const size_t count = std::min<size_t>(to.size(), wire::kRingPageSize - in_page);
        copy_from_shared(to.data(), pages_[offset / wire::kRingPageSize] + in_page, count);
        to = to.subspan(count);
        offset = (offset + static_cast<uint32_t>(count)) % size_;
    }
}

void RingMemory::copy_in(uint32_t offset, ByteView from) {
    if (contiguous_ != nullptr) {
        const size_t first = std::min<size_t>(from.size(), size_ - offset);
        if (first != 0) {
            std::memcpy(contiguous_ + offset, from.data(), first);
        }
        if (first < from.size()) {
            std::memcpy(contiguous_, from.data() + first, from.size() - first);
        }
        return;
    }
    while (!from.empty()) {
        const uint32_t in_page = offset % wire::kRingPageSize;
        const size_t count = std::min<size_t>(from.size(), wire::kRingPageSize - in_page);
        std::memcpy(pages_[offset / wire::kRingPageSize] + in_page, from.data(), count);
        from = from.subspan(count);
        offset = (offset + static_cast<uint32_t>(count)) % size_;
    }
}

void RingMemory::initialize_control() {
    std::memset(control_, 0, wire::kRingPageSize);
    store_release(wire::kRingFeatureBits, wire::kRingFeaturePendingSendSize);
}

}  // namespace hvis::vmbus

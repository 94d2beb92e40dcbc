#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "wire/ring_layout.h"

namespace hvis::vmbus {

/// One ring in memory that another party writes at any moment: a control page and data pages.
///
/// Owns no memory. The only access to it is through the methods here: control words atomically,
/// data in one pass into or out of private memory.
class RingMemory {
public:
    /// Data pages of one ring, each way. VMBus rings of Linux devices are at most a few MiB.
    static constexpr size_t kMaxDataPages = 8192;

    /// `control` and every page are 4096 bytes, aligned to 4096, and outlive this object. Fails
    /// with kInvalid without data pages, with kLimit on more than kMaxDataPages.
    static Result<RingMemory> create(std::byte* control, std::vector<std::byte*> data_pages);

    /// Bytes of data.
    [[nodiscard]] uint32_t size() const { return size_; }

    [[nodiscard]] uint32_t load_acquire(size_t word_offset) const;
    [[nodiscard]] uint32_t load_relaxed(size_t word_offset) const;
    void store_release(size_t word_offset, uint32_t value);
    void store_relaxed(size_t word_offset, uint32_t value);

    /// Copies from `offset` on, around the end if need be; offset < size(), to.size() <= size().
    void copy_out(uint32_t offset, MutableByteView to) const;
    void copy_in(uint32_t offset, ByteView from);

    /// These bytes where they are if they lie in one piece, else nullptr: for one memcpy of a
    /// packet without the detour through copy_out and copy_in. offset < size().
    [[nodiscard]] std::byte* run(uint32_t offset, size_t length) const {
        return contiguous_ != nullptr && length <= size_ - offset ? contiguous_ + offset : nullptr;
    }

    /// What the guest does before it opens a channel: zeroes the control page and says that it
    /// keeps the pending send size. Linux: hv_ringbuffer_init.
    void initialize_control();

private:
    RingMemory(std::byte* control, std::vector<std::byte*> pages);

    std::byte* control_;
    std::vector<std::byte*> pages_;
    std::byte* contiguous_ = nullptr;  ///< all data, if the pages follow each other
    uint32_t size_;
};

}  // namespace hvis::vmbus

#pragma once

#include <cstdint>
#include <type_traits>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace hvis::vm {

inline constexpr uint64_t kPageSize = 4096;

/// A guest physical address; not a pointer.
struct GuestAddress {
    uint64_t value = 0;
    auto operator<=>(const GuestAddress&) const = default;
};

/// A run of guest RAM. Page-aligned.
struct MemoryRegion {
    GuestAddress start;
    uint64_t size = 0;
};

/// The guest's RAM: one memfd, mapped once for the life of the partition. Regions never change
/// after creation, so a page pointer stays good until this object dies. Any thread.
///
/// The guest may write at any moment: bytes are copied out once, then checked, then used.
class GuestMemory {
public:
    /// Allocates the regions, in ascending order, back to back in a new memfd named `name`.
    static Result<GuestMemory> create(std::vector<MemoryRegion> regions, const char* name);
    /// Maps regions of a memfd that someone else made (both sides of a loopback partition).
    static Result<GuestMemory> adopt(UniqueFd memfd, std::vector<MemoryRegion> regions);

    GuestMemory(GuestMemory&& other) noexcept;
    GuestMemory& operator=(GuestMemory&&) = delete;
    GuestMemory(const GuestMemory&) = delete;
    GuestMemory& operator=(const GuestMemory&) = delete;
    ~GuestMemory();

    /// The only read: bounds-checked, one pass into a private buffer.
    Result<void> copy_out(GuestAddress from, MutableByteView to) const;
    Result<void> copy_in(GuestAddress to, ByteView from);
    Result<void> fill(GuestAddress to, uint64_t size, std::byte value);
    /// Every byte reads as zero again, and the host gets the pages back. While no processor runs.
    Result<void> clear();

    template <class T>
    Result<T> read(GuestAddress from) const {
        static_assert(std::is_trivially_copyable_v<T>);
        T value;
        HVIS_CHECK(copy_out(from, std::as_writable_bytes(std::span(&value, 1))));
        return value;
    }
    template <class T>
    Result<void> write(GuestAddress to, const T& value) {
        static_assert(std::is_trivially_copyable_v<T>);
        return copy_in(to, std::as_bytes(std::span(&value, 1)));
    }

    /// Host address of one whole page of RAM, for what is shared by nature: rings, message and
    /// event pages. Access through std::atomic_ref or one memcpy only.
    Result<std::byte*> page(uint64_t page_number) const;

    /// Host address of a run within one region; fails if it crosses a region's end.
    Result<std::byte*> range(GuestAddress start, uint64_t size) const;

    [[nodiscard]] const std::vector<MemoryRegion>& regions() const { return regions_; }
    [[nodiscard]] uint64_t size() const { return mapped_size_; }
    [[nodiscard]] int memfd() const { return memfd_.get(); }
    /// Offset in the memfd (and from host_base) of the region with this index.
    [[nodiscard]] uint64_t region_offset(size_t index) const;
    [[nodiscard]] std::byte* host_base() const { return base_; }

private:
    GuestMemory(UniqueFd memfd, std::vector<MemoryRegion> regions, std::byte* base, uint64_t size);

    UniqueFd memfd_;
    std::vector<MemoryRegion> regions_;
    std::byte* base_;
    uint64_t mapped_size_;
};

}  // namespace hvis::vm

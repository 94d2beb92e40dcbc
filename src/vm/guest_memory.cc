#include "vm/guest_memory.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/shared_copy.h"

namespace hvis::vm {
namespace {

/// More regions than any machine here has; every lookup walks them.
constexpr size_t kMaxRegions = 16;
/// Well inside off_t, so that no sum below can wrap.
constexpr uint64_t kMaxAddress = uint64_t{1} << 52;
/// Nobody who holds the memfd can make our mapping fault by shrinking the file, or a reset fail by
/// a seal against the holes that it punches.
constexpr int kSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;

Result<uint64_t> total_size(const std::vector<MemoryRegion>& regions) {
    if (regions.empty() || regions.size() > kMaxRegions) {
        return fail(Errc::kInvalid, "guest memory: wrong number of regions");
    }
    uint64_t end = 0;
    uint64_t total = 0;
    for (const auto& region : regions) {
        if (region.start.value % kPageSize != 0 || region.size % kPageSize != 0 ||
            region.size == 0) {
            return fail(Errc::kInvalid, "guest memory: a region is empty or not page-aligned");
        }
        if (region.start.value < end) {
            return fail(Errc::kInvalid, "guest memory: regions overlap or are out of order");
        }
        if (region.start.value > kMaxAddress || region.size > kMaxAddress - region.start.value) {
            return fail(Errc::kInvalid, "guest memory: a region is beyond every address");
        }
        end = region.start.value + region.size;
        total += region.size;
    }
    return total;
}

Result<std::byte*> map(int memfd, uint64_t size) {
    void* base = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0);
    if (base == MAP_FAILED) {
        return fail_errno("mmap of guest memory");
    }
    // Both are wishes: a kernel without them serves the guest as well.
    (void)madvise(base, size, MADV_DONTDUMP);
    (void)madvise(base, size, MADV_HUGEPAGE);
    return static_cast<std::byte*>(base);
}

}  // namespace

Result<GuestMemory> GuestMemory::create(std::vector<MemoryRegion> regions, const char* name) {
    const uint64_t size = HVIS_TRY(total_size(regions));
    UniqueFd memfd(memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!memfd) {
        return fail_errno("memfd_create for guest memory");
    }
    if (ftruncate(memfd.get(), static_cast<off_t>(size)) != 0) {
        return fail_errno("ftruncate of guest memory");
    }
    return adopt(std::move(memfd), std::move(regions));
}

Result<GuestMemory> GuestMemory::adopt(UniqueFd memfd, std::vector<MemoryRegion> regions) {
    const uint64_t size = HVIS_TRY(total_size(regions));
    // Seal first, then look: the size cannot change in between.
    if (fcntl(memfd.get(), F_ADD_SEALS, kSeals) != 0) {
        const int seals = fcntl(memfd.get(), F_GET_SEALS);
        if (seals < 0 || (seals & F_SEAL_SHRINK) == 0) {
            return fail(Errc::kInvalid, "guest memory: the memfd cannot be sealed");
        }
    }
    struct stat status{};
    if (fstat(memfd.get(), &status) != 0) {
        return fail_errno("fstat of guest memory");
    }
    if (std::cmp_less(status.st_size, size)) {
        return fail(Errc::kInvalid, "guest memory: the memfd is smaller than its regions");
    }
    std::byte* base = HVIS_TRY(map(memfd.get(), size));
    return GuestMemory(std::move(memfd), std::move(regions), base, size);
}

GuestMemory::GuestMemory(UniqueFd memfd, std::vector<MemoryRegion> regions, std::byte* base,
                         uint64_t size)
    : memfd_(std::move(memfd)), regions_(std::move(regions)), base_(base), mapped_size_(size) {}

GuestMemory::GuestMemory(GuestMemory&& other) noexcept
    : memfd_(std::move(other.memfd_)),
      regions_(std::move(other.regions_)),
      base_(std::exchange(other.base_, nullptr)),
      mapped_size_(std::exchange(other.mapped_size_, 0)) {}

GuestMemory::~GuestMemory() {
    if (base_ != nullptr) {
        munmap(base_, mapped_size_);
    }
}

Result<std::byte*> GuestMemory::range(GuestAddress start, uint64_t size) const {
    uint64_t offset = 0;
    for (const auto& region : regions_) {
        if (start.value >= region.start.value && start.value - region.start.value < region.size) {
            const uint64_t within = start.value - region.start.value;
            if (size > region.size - within) {
                break;
            }
            return base_ + offset + within;
        }
        offset += region.size;
    }
    return fail(Errc::kInvalid, "address range is not guest RAM");
}

Result<std::byte*> GuestMemory::page(uint64_t page_number) const {
    if (page_number > std::numeric_limits<uint64_t>::max() / kPageSize) {
        return fail(Errc::kInvalid, "page number is beyond every address");
    }
    return range({page_number * kPageSize}, kPageSize);
}

Result<void> GuestMemory::copy_out(GuestAddress from, MutableByteView to) const {
    const std::byte* source = HVIS_TRY(range(from, to.size()));
    copy_from_shared(to.data(), source, to.size());
    return {};
}

Result<void> GuestMemory::copy_in(GuestAddress to, ByteView from) {
    std::byte* target = HVIS_TRY(range(to, from.size()));
    if (!from.empty()) {
        std::memcpy(target, from.data(), from.size());
    }
    return {};
}

Result<void> GuestMemory::fill(GuestAddress to, uint64_t size, std::byte value) {
    std::byte* target = HVIS_TRY(range(to, size));
    std::memset(target, static_cast<int>(value), size);
    return {};
}

Result<void> GuestMemory::clear() {
    if (madvise(base_, mapped_size_, MADV_REMOVE) != 0) {
        return fail_errno("madvise(MADV_REMOVE) of guest memory");
    }
    return {};
}

uint64_t GuestMemory::region_offset(size_t index) const {
    uint64_t offset = 0;
    for (size_t i = 0; i < index && i < regions_.size(); ++i) {
        offset += regions_[i].size;
    }
    return offset;
}

}  // namespace hvis::vm

#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include <linux/kvm.h>

namespace hvis::kvm {

/// What several KVM ioctls take: a count, a zero, and that many entries. The kernel's own
/// structures for it cannot be used: their flexible arrays are four bytes off in C++ with the
/// headers of Linux 6.1, and with them the numbers of the ioctls.
struct CountedHeader {
    uint32_t count;
    uint32_t zero;
};
static_assert(sizeof(CountedHeader) == 8);

inline constexpr unsigned long kGetSupportedCpuid = _IOWR(KVMIO, 0x05, CountedHeader);
inline constexpr unsigned long kGetSupportedHypervCpuid = _IOWR(KVMIO, 0xc1, CountedHeader);
inline constexpr unsigned long kSetCpuid = _IOW(KVMIO, 0x90, CountedHeader);
inline constexpr unsigned long kSetMsrs = _IOW(KVMIO, 0x89, CountedHeader);
inline constexpr unsigned long kSetGsiRouting = _IOW(KVMIO, 0x6a, CountedHeader);

/// The argument of such an ioctl.
template <class Entry>
class CountedList {
public:
    /// Zeroed room for so many entries, to be filled by the kernel.
    explicit CountedList(size_t room) : bytes_(sizeof(CountedHeader) + room * sizeof(Entry)) {
        const CountedHeader header{static_cast<uint32_t>(room), 0};
        std::memcpy(bytes_.data(), &header, sizeof(header));
    }
    /// To be read by the kernel.
    explicit CountedList(std::span<const Entry> entries) : CountedList(entries.size()) {
        if (!entries.empty()) {
            std::memcpy(bytes_.data() + sizeof(CountedHeader), entries.data(),
                        entries.size_bytes());
        }
    }

    [[nodiscard]] std::byte* raw() { return bytes_.data(); }
    /// As many as the kernel says it filled, at most the room there is.
    [[nodiscard]] std::vector<Entry> entries() const {
        CountedHeader header{};
        std::memcpy(&header, bytes_.data(), sizeof(header));
        const size_t room = (bytes_.size() - sizeof(header)) / sizeof(Entry);
        std::vector<Entry> result(std::min<size_t>(header.count, room));
        if (!result.empty()) {
            std::memcpy(result.data(), bytes_.data() + sizeof(header),
                        result.size() * sizeof(Entry));
        }
        return result;
    }

private:
    std::vector<std::byte> bytes_;
};

/// More CPUID entries than KVM ever gives or takes (KVM_MAX_CPUID_ENTRIES).
inline constexpr size_t kMaxCpuidEntries = 256;

}  // namespace hvis::kvm

#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "vm/guest_memory.h"

namespace hvis::vm {

/// A run of guest-physical addresses that is not RAM.
struct AddressWindow {
    GuestAddress start;
    uint64_t size = 0;

    [[nodiscard]] GuestAddress last() const { return {start.value + size - 1}; }
};

/// Where everything is in a guest's physical address space.
///
///     0          low RAM, at most up to 3968 MiB
///     F800_0000  VMBus devices' low window (frame buffers and the like), 108 MiB
///     FEC0_0000  I/O APIC, local APIC, pages that KVM needs for itself
///     1_0000_0000  the rest of RAM
///     above it   VMBus devices' high window, aligned to its size
struct MemoryMap {
    static constexpr uint64_t kMinRam = uint64_t{32} << 20;
    static constexpr uint64_t kMaxRam = uint64_t{512} << 30;

    static constexpr GuestAddress kLowWindowStart{0xf800'0000};
    static constexpr uint64_t kLowWindowSize = 0x06c0'0000;
    static constexpr GuestAddress kHighRamStart{uint64_t{1} << 32};
    static constexpr uint64_t kHighWindowSize = uint64_t{1} << 30;
    static constexpr GuestAddress kIoApic{0xfec0'0000};
    static constexpr GuestAddress kLocalApic{0xfee0'0000};
    /// Four pages that KVM uses on Intel for real mode: one identity map, three task state.
    static constexpr GuestAddress kKvmIdentityMap{0xfeff'c000};
    static constexpr GuestAddress kKvmTaskState{0xfeff'd000};

    std::vector<MemoryRegion> ram;
    AddressWindow low_window;
    AddressWindow high_window;

    /// `ram_bytes` is a multiple of 1 MiB within [kMinRam, kMaxRam].
    static Result<MemoryMap> plan(uint64_t ram_bytes);
};

}  // namespace hvis::vm

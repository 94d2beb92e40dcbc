#include "vm/memory_map.h"

#include <algorithm>

namespace hvis::vm {

Result<MemoryMap> MemoryMap::plan(uint64_t ram_bytes) {
    constexpr uint64_t kGranularity = uint64_t{1} << 20;
    if (ram_bytes < kMinRam || ram_bytes > kMaxRam) {
        return fail(Errc::kInvalid, "a virtual machine has between 32 MiB and 512 GiB of memory");
    }
    if (ram_bytes % kGranularity != 0) {
        return fail(Errc::kInvalid, "the memory of a virtual machine is a multiple of 1 MiB");
    }
    MemoryMap map;
    const uint64_t low = std::min(ram_bytes, kLowWindowStart.value);
    const uint64_t high = ram_bytes - low;
    map.ram.push_back({GuestAddress{0}, low});
    if (high != 0) {
        map.ram.push_back({kHighRamStart, high});
    }
    map.low_window = {kLowWindowStart, kLowWindowSize};
    const uint64_t end = kHighRamStart.value + high;
    const uint64_t aligned = (end + kHighWindowSize - 1) / kHighWindowSize * kHighWindowSize;
    map.high_window = {GuestAddress{aligned}, kHighWindowSize};
    return map;
}

}  // namespace hvis::vm

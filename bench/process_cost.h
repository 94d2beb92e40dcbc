#pragma once

#include <cstdint>

namespace hvis::bench {

struct Memory {
    uint64_t own_kib = 0;        ///< private to this process
    uint64_t guest_ram_kib = 0;  ///< pages of loopback guests' RAM that somebody has touched
};

/// Reads /proc/self/smaps, guest RAM apart from the rest.
Memory memory_now();

/// Processor time of this process so far, in user space and in the kernel.
double cpu_seconds();

/// As many open files as the system allows.
void raise_descriptor_limit();

}  // namespace hvis::bench

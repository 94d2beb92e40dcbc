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

/// How much more is private to the process; none where it is less, as after a fork, whose pages are
/// shared for a while.
inline double grown_kib(const Memory& before, const Memory& now) {
    return now.own_kib > before.own_kib ? static_cast<double>(now.own_kib - before.own_kib) : 0;
}

}  // namespace hvis::bench

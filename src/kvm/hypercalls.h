#pragma once

#include <array>
#include <cstdint>

#include "kvm/partition_events.h"
#include "vm/guest_memory.h"

namespace hvis::kvm {

/// A hypercall that KVM left to user space: the input value (RCX) and the two parameters. TLFS
/// "Hypercall Inputs".
struct Hypercall {
    uint64_t input = 0;
    uint64_t first = 0;   ///< address of the input page, or the first 8 bytes of a fast call
    uint64_t second = 0;  ///< address of the output page, or the second 8 bytes

    [[nodiscard]] uint16_t code() const { return static_cast<uint16_t>(input); }
    [[nodiscard]] bool is_fast() const { return (input & (uint64_t{1} << 16)) != 0; }
};

/// Does it, and returns the hypercall result value. vCPU thread.
uint64_t do_hypercall(const Hypercall& call, const vm::GuestMemory& memory,
                      PartitionEvents& events);

}  // namespace hvis::kvm

#pragma once

#include "base/result.h"
#include "vm/boot/linux.h"

namespace hvis::kvm {

/// Puts the first processor where Linux's 64-bit entry wants it. The others stay as KVM made them:
/// waiting for the start-up interrupt.
Result<void> set_initial_state(int vcpu_fd, const vm::InitialState& state);

/// Memory types as firmware would have left them: RAM is write-back. Every processor.
Result<void> set_memory_types(int vcpu_fd);

/// Moves the processor's time stamp counter back by `ticks`. Not an error where KVM cannot
/// (before Linux 5.16): the guest then sees the counter jump.
void move_tsc_back(int vcpu_fd, uint64_t ticks);

}  // namespace hvis::kvm

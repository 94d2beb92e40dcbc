#pragma once

#include "base/result.h"

namespace hvis::kvm {

/// Leaves the calling thread only the system calls that a vCPU thread makes: KVM_RUN on its
/// processor, event fds, locks, memory for its own stack and heap. Anything else ends the process.
/// Cannot be undone.
Result<void> confine_vcpu_thread();

}  // namespace hvis::kvm

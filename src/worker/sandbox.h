#pragma once

#include "base/result.h"

namespace hvis::worker {

/// Leaves the calling thread, and every thread that it starts, only the system calls that the loop
/// thread makes once the VM is set up: epoll, timers, the descriptors it holds, KVM's ioctls,
/// memory and new vCPU threads (which narrow this further for themselves). Nothing can be opened,
/// connected or executed any more. Any other call ends the process with SIGSYS. Cannot be undone.
Result<void> confine_loop_thread();

}  // namespace hvis::worker

#pragma once

#include "base/result.h"

namespace hvis::worker {

/// Leaves the calling thread, and every thread that it starts, only the system calls that the loop
/// thread makes once the VM is set up: epoll, timers, the descriptors it holds, KVM's ioctls,
/// memory that is not code, and new vCPU threads (which narrow this further for themselves).
/// Nothing can be opened, connected or executed any more, no process be made and none signalled but
/// this. Any other call ends the process with SIGSYS. Cannot be undone.
Result<void> confine_loop_thread();

}  // namespace hvis::worker

#pragma once

#include <cstdint>

#include <linux/kvm.h>

#include "kvm/crash_registers.h"
#include "kvm/exit_counts.h"
#include "kvm/partition_events.h"
#include "vm/guest_memory.h"
#include "vm/io_bus.h"
#include "vm/synic.h"

namespace hvis::kvm {

/// What a processor's exits act on; shared by all vCPU threads.
struct ExitTargets {
    vm::IoBus& bus;
    vm::Synic& synic;
    const vm::GuestMemory& memory;
    CrashRegisters& crash;
    PartitionEvents& events;
};

/// What became of an exit.
struct ExitOutcome {
    ExitKind kind = ExitKind::kOther;
    /// False: this processor must not enter the guest again; why is in the events.
    bool run_on = true;
};

/// Serves the exit that is described in `run`, the area shared with KVM. vCPU thread.
ExitOutcome handle_exit(kvm_run& run, size_t run_size, uint32_t vp, const ExitTargets& targets);

}  // namespace hvis::kvm

#include "kvm/exits.h"

#include <array>
#include <string>

#include "base/log.h"
#include "kvm/hypercalls.h"
#include "loop/loop.h"

namespace hvis::kvm {
namespace {

constexpr ExitOutcome stop(ExitKind kind) { return {.kind = kind, .run_on = false}; }

/// One instruction may repeat the access (`rep outsb`): data holds `count` values of `size` bytes.
ExitOutcome handle_port(kvm_run& run, size_t run_size, const ExitTargets& targets) {
    const auto& io = run.io;
    const uint64_t bytes = uint64_t{io.size} * io.count;
    if (io.data_offset > run_size || bytes > run_size - io.data_offset) {
        targets.events.add_stop(vm::StopReason::kFailure);
        return stop(ExitKind::kPort);
    }
    // SAFETY: KVM put the data there, within the area it shares with us, as was just checked.
    auto* data = reinterpret_cast<std::byte*>(&run) + io.data_offset;
    for (uint32_t i = 0; i < io.count; ++i, data += io.size) {
        if (io.direction == KVM_EXIT_IO_OUT) {
            targets.bus.write_port(io.port, {data, io.size});
        } else {
            targets.bus.read_port(io.port, {data, io.size});
        }
    }
    return {.kind = ExitKind::kPort};
}

ExitOutcome handle_memory(kvm_run& run, const ExitTargets& targets) {
    auto& mmio = run.mmio;
    const vm::GuestAddress address{mmio.phys_addr};
    const auto data =
        std::as_writable_bytes(std::span(mmio.data)).first(std::min<size_t>(mmio.len, 8));
    if (mmio.is_write != 0) {
        targets.bus.write_memory(address, data);
    } else {
        targets.bus.read_memory(address, data);
    }
    return {.kind = ExitKind::kMemory};
}

ExitOutcome handle_hyperv(kvm_run& run, uint32_t vp, const ExitTargets& targets) {
    auto& exit = run.hyperv;
    if (exit.type == KVM_EXIT_HYPERV_SYNIC) {
        // KVM tells all three registers, whichever was written.
        targets.synic.set_message_page(vp, exit.u.synic.msg_page);
        targets.synic.set_event_page(vp, exit.u.synic.evt_page);
        targets.synic.set_control(vp, exit.u.synic.control);
        return {.kind = ExitKind::kSynic};
    }
    if (exit.type == KVM_EXIT_HYPERV_HCALL) {
        const Hypercall call{.input = exit.u.hcall.input,
                             .first = exit.u.hcall.params[0],
                             .second = exit.u.hcall.params[1]};
        exit.u.hcall.result = do_hypercall(call, targets.memory, targets.events);
        const bool posted = call.code() == wire::kHvCallPostMessage;
        return {.kind = posted ? ExitKind::kPostMessage : ExitKind::kHypercall};
    }
    return {.kind = ExitKind::kOther};
}

ExitOutcome handle_msr(kvm_run& run, const ExitTargets& targets) {
    auto& msr = run.msr;
    msr.error = 0;
    if (run.exit_reason == KVM_EXIT_X86_RDMSR) {
        msr.data = targets.crash.read(msr.index);
    } else if (auto report = targets.crash.write(msr.index, msr.data, targets.memory)) {
        targets.events.add_crash(std::move(*report));
    }
    return {.kind = ExitKind::kMsr};
}

ExitOutcome handle_system_event(const kvm_run& run, const ExitTargets& targets) {
    if (run.system_event.type == KVM_SYSTEM_EVENT_RESET) {
        targets.events.add_stop(vm::StopReason::kReset);
        return stop(ExitKind::kSystemEvent);
    }
    if (run.system_event.type == KVM_SYSTEM_EVENT_SHUTDOWN) {
        targets.events.add_stop(vm::StopReason::kPowerOff);
        return stop(ExitKind::kSystemEvent);
    }
    return {.kind = ExitKind::kSystemEvent};
}

ExitOutcome handle_failure(const kvm_run& run, uint32_t vp, const ExitTargets& targets) {
    uint64_t detail = 0;
    if (run.exit_reason == KVM_EXIT_FAIL_ENTRY) {
        detail = run.fail_entry.hardware_entry_failure_reason;
    } else if (run.exit_reason == KVM_EXIT_INTERNAL_ERROR) {
        detail = run.internal.suberror;
    }
    // A guest can bring this about, in each of its runs: no error of ours, and not to fill the log.
    static LogLimit limit;
    if (limit.allow(loop::Loop::now())) {
        log(LogLevel::kWarning, "kvm",
            "processor " + std::to_string(vp) + " cannot go on: exit reason " +
                std::to_string(run.exit_reason) + ", detail " + std::to_string(detail));
    }
    targets.events.add_stop(vm::StopReason::kFailure);
    return stop(ExitKind::kOther);
}

}  // namespace

ExitOutcome handle_exit(kvm_run& run, size_t run_size, uint32_t vp, const ExitTargets& targets) {
    switch (run.exit_reason) {
        case KVM_EXIT_IO:
            return handle_port(run, run_size, targets);
        case KVM_EXIT_MMIO:
            return handle_memory(run, targets);
        case KVM_EXIT_HYPERV:
            return handle_hyperv(run, vp, targets);
        case KVM_EXIT_X86_RDMSR:
        case KVM_EXIT_X86_WRMSR:
            return handle_msr(run, targets);
        case KVM_EXIT_SYSTEM_EVENT:
            return handle_system_event(run, targets);
        case KVM_EXIT_INTR:
            return {.kind = ExitKind::kInterrupted};
        case KVM_EXIT_SHUTDOWN:
            targets.events.add_triple_fault(vp);
            return stop(ExitKind::kOther);
        default:
            return handle_failure(run, vp, targets);
    }
}

}  // namespace hvis::kvm

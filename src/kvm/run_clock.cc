#include "kvm/run_clock.h"

#include <x86intrin.h>

#include "base/log.h"

namespace hvis::kvm {
namespace {

constexpr uint64_t kNanosecondsPerTick = 100;

}  // namespace

uint64_t RunClock::reference_time(const Machine& machine) const {
    if (stopped_) {
        return stopped_->nanoseconds / kNanosecondsPerTick;
    }
    // The reference TSC page that guests read is derived from this very clock (KVM:
    // kvm_hv_setup_tsc_page), so both sides see the same time.
    return machine.clock().value_or(0) / kNanosecondsPerTick;
}

void RunClock::stop(const Machine& machine) {
    const auto clock = machine.clock();
    if (!clock) {
        log(LogLevel::kWarning, "kvm", "the guest's clock cannot be read; it goes on in the pause");
        return;
    }
    stopped_ = {.nanoseconds = *clock, .tsc = __rdtsc()};
}

void RunClock::go_on(const Machine& machine, Processors& processors) {
    if (!stopped_) {
        return;
    }
    processors.move_tsc_back(__rdtsc() - stopped_->tsc);
    if (const auto set = machine.set_clock(stopped_->nanoseconds); !set) {
        log(LogLevel::kWarning, "kvm", "the guest's clock cannot be set back after the pause");
    }
    stopped_.reset();
}

}  // namespace hvis::kvm

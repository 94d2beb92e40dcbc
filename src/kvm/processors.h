#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/result.h"
#include "kvm/kvm_device.h"
#include "kvm/machine.h"
#include "kvm/vcpu.h"
#include "vm/boot/linux.h"

namespace hvis::kvm {

/// All virtual processors of one machine: they start, pause and go together. Loop thread.
class Processors {
public:
    /// Makes them, with CPUID and memory types set; no thread yet.
    static Result<std::unique_ptr<Processors>> create(const KvmDevice& device,
                                                      const Machine& machine, uint32_t count,
                                                      const ExitTargets& targets,
                                                      ExitCounters& counters);

    /// Makes the threads; the first processor will start in `state`.
    Result<void> prepare(const vm::InitialState& state,
                         const std::function<Result<void>()>& confine);
    void run();
    /// Returns when none is in the guest.
    void pause();
    /// Hides `ticks` of the time stamp counter from the guest, while paused.
    void move_tsc_back(uint64_t ticks);

private:
    explicit Processors(std::vector<std::unique_ptr<Vcpu>> vcpus) : vcpus_(std::move(vcpus)) {}

    std::vector<std::unique_ptr<Vcpu>> vcpus_;
};

}  // namespace hvis::kvm

#include "kvm/processors.h"

#include "kvm/cpuid.h"
#include "kvm/processor_state.h"

namespace hvis::kvm {

Result<std::unique_ptr<Processors>> Processors::create(const KvmDevice& device,
                                                       const Machine& machine, uint32_t count,
                                                       const ExitTargets& targets,
                                                       ExitCounters& counters) {
    const auto base = HVIS_TRY(device.supported_cpuid());
    std::vector<std::unique_ptr<Vcpu>> vcpus;
    for (uint32_t index = 0; index < count; ++index) {
        vcpus.push_back(HVIS_TRY(Vcpu::create(device, machine, index, targets, counters)));
        const auto hyperv = HVIS_TRY(vcpus.back()->supported_hyperv_cpuid());
        const CpuidChoice choice{
            .processor = index, .processors = count, .synthetic_apic = !device.virtualizes_apic()};
        HVIS_CHECK(vcpus.back()->set_cpuid(make_cpuid(base, hyperv, choice)));
        HVIS_CHECK(set_memory_types(vcpus.back()->fd()));
    }
    return std::unique_ptr<Processors>(new Processors(std::move(vcpus)));
}

Result<void> Processors::prepare(const vm::InitialState& state,
                                 const std::function<Result<void>()>& confine) {
    HVIS_CHECK(set_initial_state(vcpus_.front()->fd(), state));
    for (const auto& vcpu : vcpus_) {
        HVIS_CHECK(vcpu->start_thread(confine));
    }
    return {};
}

void Processors::run() {
    for (const auto& vcpu : vcpus_) {
        vcpu->run();
    }
}

void Processors::pause() {
    for (const auto& vcpu : vcpus_) {
        vcpu->request_pause();
    }
    for (const auto& vcpu : vcpus_) {
        vcpu->wait_paused();
    }
}

void Processors::move_tsc_back(uint64_t ticks) {
    for (const auto& vcpu : vcpus_) {
        kvm::move_tsc_back(vcpu->fd(), ticks);
    }
}

}  // namespace hvis::kvm

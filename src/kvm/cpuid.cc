#include "kvm/cpuid.h"

#include <algorithm>
#include <cstring>

#include "kvm/hyperv_bits.h"
#include "kvm/topology.h"

namespace hvis::kvm {
namespace {

constexpr uint32_t kFeatureLeaf = 1;
constexpr uint32_t kHypervisorPresent = 1U << 31;  // ECX of leaf 1
constexpr uint32_t kThermalLeaf = 6;
constexpr uint32_t kAlwaysRunningApicTimer = 1U << 2;  // EAX of that leaf
constexpr uint32_t kPowerLeaf = 0x8000'0007;
constexpr uint32_t kInvariantTsc = 1U << 8;  // EDX of that leaf

const kvm_cpuid_entry2* find(const CpuidEntries& entries, uint32_t function) {
    const auto entry = std::ranges::find(entries, function, &kvm_cpuid_entry2::function);
    return entry == entries.end() ? nullptr : &*entry;
}

/// An entry of the host's list, or zeros: a bit that is not there is one the host cannot do.
kvm_cpuid_entry2 take(const CpuidEntries& entries, uint32_t function) {
    const auto* entry = find(entries, function);
    kvm_cpuid_entry2 result = entry != nullptr ? *entry : kvm_cpuid_entry2{};
    result.function = function;
    return result;
}

kvm_cpuid_entry2 make_vendor() {
    kvm_cpuid_entry2 entry{};
    entry.function = kHvVendor;
    entry.eax = kHvLimits;  // the last leaf that there is
    // Linux takes a guest for a Hyper-V guest by this name alone.
    std::memcpy(&entry.ebx, "Micr", 4);
    std::memcpy(&entry.ecx, "osof", 4);
    std::memcpy(&entry.edx, "t Hv", 4);
    return entry;
}

kvm_cpuid_entry2 make_interface() {
    kvm_cpuid_entry2 entry{};
    entry.function = kHvInterface;
    std::memcpy(&entry.eax, "Hv#1", 4);
    return entry;
}

/// Guests log it and nothing else; it is the version of the interface that they may expect.
kvm_cpuid_entry2 make_version() {
    kvm_cpuid_entry2 entry{};
    entry.function = kHvVersion;
    entry.eax = 20348;      // build: Windows Server 2022
    entry.ebx = 10U << 16;  // 10.0
    return entry;
}

/// Only what this host does for a Linux guest: the debugger, the nested hypervisor and extended
/// hypercalls, which would end in user space, are left out.
kvm_cpuid_entry2 make_features(const CpuidEntries& hyperv, bool invariant_tsc) {
    auto entry = take(hyperv, kHvFeatures);
    entry.eax &= kHvVpRuntime | kHvReferenceCounter | kHvSynic | kHvSyntheticTimers |
                 kHvApicRegisters | kHvHypercalls | kHvVpIndex | kHvReset | kHvReferenceTsc |
                 kHvFrequencies | (invariant_tsc ? kHvInvariantTsc : 0);
    entry.ebx &= kHvPostMessages | kHvSignalEvents;
    entry.ecx = 0;
    entry.edx &= kHvXmmInput | kHvFrequencyRegisters | kHvCrashRegisters | kHvExtGvaRangesFlush |
                 kHvDirectTimers;
    return entry;
}

kvm_cpuid_entry2 make_recommendations(const CpuidEntries& hyperv, bool synthetic_apic) {
    constexpr uint32_t kNeverNotifyOfSpinning = 0xffff'ffff;
    auto entry = take(hyperv, kHvRecommendations);
    entry.eax &= kHintRemoteTlbFlush | kHintRelaxedTiming | kHintDeprecatedAutoEoi |
                 kHintClusterIpi | kHintExProcessorMasks | kHintNoNonarchCoreSharing |
                 (synthetic_apic ? kHintApicRegisters : 0);
    entry.ebx = kNeverNotifyOfSpinning;
    entry.ecx = entry.edx = 0;
    return entry;
}

kvm_cpuid_entry2 make_limits(const CpuidEntries& hyperv, uint32_t processors) {
    auto entry = take(hyperv, kHvLimits);
    entry.eax = std::max(entry.eax, processors);  // virtual processors
    entry.ebx = std::max(entry.ebx, processors);  // logical processors
    return entry;
}

}  // namespace

CpuidEntries make_cpuid(const CpuidEntries& base, const CpuidEntries& hyperv,
                        const CpuidChoice& choice) {
    CpuidEntries entries = base;
    std::erase_if(entries, [](const kvm_cpuid_entry2& entry) {
        return entry.function >= kHypervisorLeaves && entry.function < kHypervisorLeavesEnd;
    });
    for (auto& entry : entries) {
        if (entry.function == kFeatureLeaf) {
            entry.ecx |= kHypervisorPresent;
        }
        // As on Hyper-V. With it Linux makes the local APIC's timer its broadcast device, and then
        // has no timer to fall back on when hv_vmbus is unloaded: the guest stands still
        // (hv_stimer_cleanup in drivers/clocksource/hyperv_timer.c).
        if (entry.function == kThermalLeaf) {
            entry.eax &= ~kAlwaysRunningApicTimer;
        }
    }
    set_topology(entries, choice);

    const auto* power = find(base, kPowerLeaf);
    const bool invariant_tsc = power != nullptr && (power->edx & kInvariantTsc) != 0;
    entries.push_back(make_vendor());
    entries.push_back(make_interface());
    entries.push_back(make_version());
    entries.push_back(make_features(hyperv, invariant_tsc));
    entries.push_back(make_recommendations(hyperv, choice.synthetic_apic));
    entries.push_back(make_limits(hyperv, choice.processors));
    return entries;
}

}  // namespace hvis::kvm

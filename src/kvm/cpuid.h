#pragma once

#include <cstdint>
#include <vector>

#include <linux/kvm.h>

namespace hvis::kvm {

using CpuidEntries = std::vector<kvm_cpuid_entry2>;

/// What decides a processor's CPUID beside what the host can do.
struct CpuidChoice {
    uint32_t processor = 0;   ///< index; also its APIC id and its VP index
    uint32_t processors = 1;  ///< all in one socket, one thread per core
    /// Recommend the Hyper-V APIC registers: good only where the hardware does not virtualize the
    /// APIC itself.
    bool synthetic_apic = false;
};

/// CPUID of one processor of a Hyper-V guest: the host's leaves without KVM's own signature, and
/// the Hyper-V leaves with every enlightenment that Linux can use. `base` is what
/// KVM_GET_SUPPORTED_CPUID gave, `hyperv` what KVM_GET_SUPPORTED_HV_CPUID gave.
[[nodiscard]] CpuidEntries make_cpuid(const CpuidEntries& base, const CpuidEntries& hyperv,
                                      const CpuidChoice& choice);

}  // namespace hvis::kvm

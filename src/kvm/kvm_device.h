#pragma once

#include <cstddef>
#include <vector>

#include <linux/kvm.h>

#include "base/result.h"
#include "base/unique_fd.h"

namespace hvis::kvm {

/// /dev/kvm, opened and found fit for Hyper-V guests. Immutable: any thread.
class KvmDevice {
public:
    /// Fails with the name of the first capability that is missing.
    static Result<KvmDevice> open();

    /// A new, empty virtual machine.
    [[nodiscard]] Result<UniqueFd> create_machine() const;
    /// Every CPUID leaf that this host can give a guest.
    [[nodiscard]] Result<std::vector<kvm_cpuid_entry2>> supported_cpuid() const;
    /// Size of the area that a processor shares with the kernel.
    [[nodiscard]] size_t run_size() const { return run_size_; }
    /// KVM can hold a guest to the Hyper-V features that its CPUID shows (Linux 5.14).
    [[nodiscard]] bool can_enforce_cpuid() const { return can_enforce_cpuid_; }
    /// The processor's own interrupt controller serves guests, so that the Hyper-V APIC registers
    /// would only slow them down. False too when the host does not say.
    [[nodiscard]] bool virtualizes_apic() const { return virtualizes_apic_; }

private:
    KvmDevice(UniqueFd fd, size_t run_size);

    UniqueFd fd_;
    size_t run_size_;
    bool can_enforce_cpuid_;
    bool virtualizes_apic_;
};

}  // namespace hvis::kvm

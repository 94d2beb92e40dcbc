#include "kvm/probe.h"

#include <fcntl.h>
#include <linux/kvm.h>

#include "base/unique_fd.h"
#include "kvm/ioctl.h"

namespace hvis::kvm {
namespace {

Result<void> make_processor(int kvm) {
    const UniqueFd machine(HVIS_TRY(HVIS_KVM(kvm, KVM_CREATE_VM, 0UL)));
    HVIS_CHECK(HVIS_KVM(machine.get(), KVM_CREATE_IRQCHIP, 0UL));
    const UniqueFd processor(HVIS_TRY(HVIS_KVM(machine.get(), KVM_CREATE_VCPU, 0UL)));
    kvm_enable_cap synic = {};
    synic.cap = KVM_CAP_HYPERV_SYNIC2;
    HVIS_CHECK(HVIS_KVM(processor.get(), KVM_ENABLE_CAP, &synic));
    return {};
}

}  // namespace

Result<Probe> probe() {
    const UniqueFd kvm(::open("/dev/kvm", O_RDWR | O_CLOEXEC));
    if (!kvm) {
        return fail_errno("cannot open /dev/kvm");
    }
    Probe result;
    for (const Capability& capability : capabilities()) {
        result.capabilities.push_back({&capability, has_capability(kvm.get(), capability.number)});
    }
    if (const auto made = make_processor(kvm.get()); !made) {
        result.processor_error = made.error();
    }
    return result;
}

}  // namespace hvis::kvm

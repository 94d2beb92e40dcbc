#include "kvm/kvm_device.h"

#include <fcntl.h>

#include "kvm/capabilities.h"
#include "kvm/counted_list.h"
#include "kvm/ioctl.h"

namespace hvis::kvm {
namespace {

/// A module parameter that is a truth value: "Y" or "1".
bool parameter_is_set(const char* path) {
    const UniqueFd file(open(path, O_RDONLY | O_CLOEXEC));
    char value = 'N';
    return file && read(file.get(), &value, 1) == 1 && (value == 'Y' || value == '1');
}

}  // namespace

Result<KvmDevice> KvmDevice::open() {
    UniqueFd fd(::open("/dev/kvm", O_RDWR | O_CLOEXEC));
    if (!fd) {
        return fail_errno("cannot open /dev/kvm (load the kvm modules, or join the group kvm)");
    }
    if (HVIS_TRY(HVIS_KVM(fd.get(), KVM_GET_API_VERSION, 0UL)) != KVM_API_VERSION) {
        return fail(Errc::kUnsupported, "/dev/kvm speaks another version of its interface");
    }
    for (const Capability& capability : capabilities()) {
        if (capability.needed && !has_capability(fd.get(), capability.number)) {
            return fail(Errc::kUnsupported, capability.missing);
        }
    }
    const int run_size = HVIS_TRY(HVIS_KVM(fd.get(), KVM_GET_VCPU_MMAP_SIZE, 0UL));
    return KvmDevice(std::move(fd), static_cast<size_t>(run_size));
}

KvmDevice::KvmDevice(UniqueFd fd, size_t run_size)
    : fd_(std::move(fd)),
      run_size_(run_size),
      can_enforce_cpuid_(has_capability(fd_.get(), KVM_CAP_HYPERV_ENFORCE_CPUID)),
      virtualizes_apic_(parameter_is_set("/sys/module/kvm_intel/parameters/enable_apicv") ||
                        parameter_is_set("/sys/module/kvm_amd/parameters/avic")) {}

Result<UniqueFd> KvmDevice::create_machine() const {
    const int fd = HVIS_TRY(HVIS_KVM(fd_.get(), KVM_CREATE_VM, 0UL));
    return UniqueFd(fd);
}

Result<std::vector<kvm_cpuid_entry2>> KvmDevice::supported_cpuid() const {
    CountedList<kvm_cpuid_entry2> list(kMaxCpuidEntries);
    HVIS_CHECK(kvm_call(fd_.get(), kGetSupportedCpuid, list.raw(), "KVM_GET_SUPPORTED_CPUID"));
    return list.entries();
}

}  // namespace hvis::kvm

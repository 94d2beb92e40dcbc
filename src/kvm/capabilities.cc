#include "kvm/capabilities.h"

#include <array>

#include <linux/kvm.h>

#include "kvm/ioctl.h"

namespace hvis::kvm {
namespace {

#define HVIS_CAPABILITY(name, since, needed) \
    Capability{name, #name, since, needed, "KVM lacks " #name " (Linux " since ")"}

constexpr std::array kCapabilities = {
    HVIS_CAPABILITY(KVM_CAP_USER_MEMORY, "2.6", true),
    HVIS_CAPABILITY(KVM_CAP_IRQCHIP, "2.6", true),
    HVIS_CAPABILITY(KVM_CAP_EXT_CPUID, "2.6", true),
    HVIS_CAPABILITY(KVM_CAP_SET_TSS_ADDR, "2.6", true),
    HVIS_CAPABILITY(KVM_CAP_SET_IDENTITY_MAP_ADDR, "2.6", true),
    HVIS_CAPABILITY(KVM_CAP_IRQ_ROUTING, "2.6", true),
    HVIS_CAPABILITY(KVM_CAP_IRQFD, "2.6", true),
    HVIS_CAPABILITY(KVM_CAP_IRQFD_RESAMPLE, "3.8", true),
    HVIS_CAPABILITY(KVM_CAP_ADJUST_CLOCK, "2.6", true),
    HVIS_CAPABILITY(KVM_CAP_IMMEDIATE_EXIT, "4.12", true),
    HVIS_CAPABILITY(KVM_CAP_HYPERV, "2.6", true),
    HVIS_CAPABILITY(KVM_CAP_HYPERV_TIME, "3.14", true),
    HVIS_CAPABILITY(KVM_CAP_HYPERV_SYNIC2, "4.14", true),
    HVIS_CAPABILITY(KVM_CAP_HYPERV_VP_INDEX, "4.14", true),
    HVIS_CAPABILITY(KVM_CAP_HYPERV_EVENTFD, "4.17", true),
    HVIS_CAPABILITY(KVM_CAP_HYPERV_CPUID, "5.1", true),
    HVIS_CAPABILITY(KVM_CAP_X86_USER_SPACE_MSR, "5.10", true),
    HVIS_CAPABILITY(KVM_CAP_X86_MSR_FILTER, "5.10", true),
    HVIS_CAPABILITY(KVM_CAP_HYPERV_TLBFLUSH, "4.18", false),
    HVIS_CAPABILITY(KVM_CAP_HYPERV_SEND_IPI, "4.20", false),
    HVIS_CAPABILITY(KVM_CAP_HYPERV_ENFORCE_CPUID, "5.14", false),
};

#undef HVIS_CAPABILITY

}  // namespace

std::span<const Capability> capabilities() { return kCapabilities; }

bool has_capability(int fd, int number) {
    return ioctl(fd, KVM_CHECK_EXTENSION, static_cast<unsigned long>(number)) > 0;
}

}  // namespace hvis::kvm

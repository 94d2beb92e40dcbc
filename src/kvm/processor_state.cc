#include "kvm/processor_state.h"

#include <linux/kvm.h>

#include "kvm/counted_list.h"
#include "kvm/ioctl.h"

namespace hvis::kvm {
namespace {

constexpr uint16_t kCodeSelector = 0x10;
constexpr uint16_t kDataSelector = 0x18;
constexpr uint16_t kTaskSelector = 0x20;

// Intel SDM volume 3A, "Control Registers" and "IA32_EFER".
constexpr uint64_t kCr0ProtectionEnable = 1U << 0;
constexpr uint64_t kCr0ExtensionType = 1U << 4;
constexpr uint64_t kCr0NumericError = 1U << 5;
constexpr uint64_t kCr0Paging = 1U << 31;
constexpr uint64_t kCr4PhysicalAddressExtension = 1U << 5;
constexpr uint64_t kEferLongModeEnable = 1U << 8;
constexpr uint64_t kEferLongModeActive = 1U << 10;
constexpr uint64_t kRflagsReserved = 1U << 1;

/// Segment types; "Code- and Data-Segment Descriptor Types", "System Descriptor Types".
constexpr uint8_t kCodeType = 0xb;
constexpr uint8_t kDataType = 0x3;
constexpr uint8_t kBusyTaskType = 0xb;

constexpr uint32_t kMsrMtrrDefType = 0x2ff;
constexpr uint64_t kMtrrsEnabledWriteBack = 0x800 | 0x6;

kvm_segment flat_segment(uint16_t selector, uint8_t type) {
    kvm_segment segment{};
    segment.limit = 0xffff'ffff;
    segment.selector = selector;
    segment.type = type;
    segment.present = 1;
    segment.s = 1;
    segment.g = 1;
    if (type == kCodeType) {
        segment.l = 1;
    } else {
        segment.db = 1;
    }
    return segment;
}

kvm_segment task_segment() {
    kvm_segment segment{};
    segment.limit = 0x67;
    segment.selector = kTaskSelector;
    segment.type = kBusyTaskType;
    segment.present = 1;
    return segment;
}

}  // namespace

Result<void> set_initial_state(int vcpu_fd, const vm::InitialState& state) {
    kvm_sregs special{};
    HVIS_CHECK(HVIS_KVM(vcpu_fd, KVM_GET_SREGS, &special));
    special.cs = flat_segment(kCodeSelector, kCodeType);
    special.ds = special.es = special.fs = special.gs = special.ss =
        flat_segment(kDataSelector, kDataType);
    special.tr = task_segment();
    special.gdt.base = state.gdt;
    special.gdt.limit = state.gdt_limit;
    special.idt = {};
    special.cr0 = kCr0ProtectionEnable | kCr0ExtensionType | kCr0NumericError | kCr0Paging;
    special.cr3 = state.page_tables;
    special.cr4 = kCr4PhysicalAddressExtension;
    special.efer = kEferLongModeEnable | kEferLongModeActive;
    HVIS_CHECK(HVIS_KVM(vcpu_fd, KVM_SET_SREGS, &special));

    kvm_regs general{};
    general.rip = state.entry;
    general.rsi = state.boot_params;
    general.rsp = state.stack;
    general.rflags = kRflagsReserved;
    HVIS_CHECK(HVIS_KVM(vcpu_fd, KVM_SET_REGS, &general));
    return {};
}

Result<void> set_memory_types(int vcpu_fd) {
    kvm_msr_entry entry{};
    entry.index = kMsrMtrrDefType;
    entry.data = kMtrrsEnabledWriteBack;
    CountedList<kvm_msr_entry> list(std::span<const kvm_msr_entry>(&entry, 1));
    if (HVIS_TRY(kvm_call(vcpu_fd, kSetMsrs, list.raw(), "KVM_SET_MSRS")) != 1) {
        return fail(Errc::kUnsupported, "KVM does not take the memory type register");
    }
    return {};
}

void move_tsc_back(int vcpu_fd, uint64_t ticks) {
    uint64_t offset = 0;
    kvm_device_attr attribute{};
    attribute.group = KVM_VCPU_TSC_CTRL;
    attribute.attr = KVM_VCPU_TSC_OFFSET;
    // SAFETY: the kernel takes the address as a number.
    attribute.addr = reinterpret_cast<uint64_t>(&offset);
    if (ioctl(vcpu_fd, KVM_GET_DEVICE_ATTR, &attribute) != 0) {
        return;
    }
    offset -= ticks;
    (void)ioctl(vcpu_fd, KVM_SET_DEVICE_ATTR, &attribute);
}

}  // namespace hvis::kvm

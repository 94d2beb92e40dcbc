#include "kvm/machine.h"

#include <array>

#include "kvm/counted_list.h"
#include "kvm/hyperv_bits.h"
#include "kvm/ioctl.h"
#include "vm/memory_map.h"
#include "vm/ports.h"
#include "wire/hypercall.h"

namespace hvis::kvm {
namespace {

/// Interrupt numbers past the I/O APIC's pins are the processors' VMBus interrupts.
uint32_t sint_gsi(uint32_t vp) { return vm::kIoApicPins + vp; }

}  // namespace

Result<std::unique_ptr<Machine>> Machine::create(const KvmDevice& device, vm::GuestMemory& memory) {
    UniqueFd fd = HVIS_TRY(device.create_machine());
    std::unique_ptr<Machine> machine(new Machine(device, std::move(fd)));
    HVIS_CHECK(machine->set_up(memory));
    return machine;
}

Result<void> Machine::set_up(vm::GuestMemory& memory) const {
    uint64_t identity_map = vm::MemoryMap::kKvmIdentityMap.value;
    HVIS_CHECK(HVIS_KVM(fd_.get(), KVM_SET_IDENTITY_MAP_ADDR, &identity_map));
    HVIS_CHECK(HVIS_KVM(fd_.get(), KVM_SET_TSS_ADDR, vm::MemoryMap::kKvmTaskState.value));
    // All of it in the kernel: only then may an irqfd report the end of an interrupt.
    HVIS_CHECK(HVIS_KVM(fd_.get(), KVM_CREATE_IRQCHIP, 0UL));
    HVIS_CHECK(filter_crash_registers());
    return add_memory(memory);
}

Result<void> Machine::add_memory(vm::GuestMemory& memory) const {
    const auto& regions = memory.regions();
    for (size_t i = 0; i < regions.size(); ++i) {
        kvm_userspace_memory_region slot{};
        slot.slot = static_cast<uint32_t>(i);
        slot.guest_phys_addr = regions[i].start.value;
        slot.memory_size = regions[i].size;
        // SAFETY: the kernel takes the address as a number.
        slot.userspace_addr =
            reinterpret_cast<uint64_t>(memory.host_base() + memory.region_offset(i));
        HVIS_CHECK(HVIS_KVM(fd_.get(), KVM_SET_USER_MEMORY_REGION, &slot));
    }
    return {};
}

/// KVM's own crash registers know no panic message (arch/x86/kvm/hyperv.c keeps bit 63 of CRASH_CTL
/// only), so these few come to user space.
Result<void> Machine::filter_crash_registers() const {
    kvm_enable_cap to_user_space{};
    to_user_space.cap = KVM_CAP_X86_USER_SPACE_MSR;
    to_user_space.args[0] = KVM_MSR_EXIT_REASON_FILTER;
    HVIS_CHECK(HVIS_KVM(fd_.get(), KVM_ENABLE_CAP, &to_user_space));

    std::array<uint8_t, 1> allow_none{};
    kvm_msr_filter filter{};
    filter.flags = KVM_MSR_FILTER_DEFAULT_ALLOW;
    filter.ranges[0].flags = KVM_MSR_FILTER_READ | KVM_MSR_FILTER_WRITE;
    filter.ranges[0].base = kMsrCrashP0;
    filter.ranges[0].nmsrs = kMsrCrashCtl - kMsrCrashP0 + 1;
    filter.ranges[0].bitmap = allow_none.data();
    HVIS_CHECK(HVIS_KVM(fd_.get(), KVM_X86_SET_MSR_FILTER, &filter));
    return {};
}

Result<UniqueFd> Machine::create_vcpu(uint32_t index) const {
    const int fd =
        HVIS_TRY(HVIS_KVM(fd_.get(), KVM_CREATE_VCPU, static_cast<unsigned long>(index)));
    UniqueFd vcpu(fd);
    kvm_enable_cap synic{};
    synic.cap = KVM_CAP_HYPERV_SYNIC2;
    HVIS_CHECK(HVIS_KVM(vcpu.get(), KVM_ENABLE_CAP, &synic));
    if (device_.can_enforce_cpuid()) {
        kvm_enable_cap enforce{};
        enforce.cap = KVM_CAP_HYPERV_ENFORCE_CPUID;
        enforce.args[0] = 1;
        HVIS_CHECK(HVIS_KVM(vcpu.get(), KVM_ENABLE_CAP, &enforce));
    }
    return vcpu;
}

Result<void> Machine::set_routes(uint32_t processors) const {
    std::vector<kvm_irq_routing_entry> entries;
    for (uint32_t pin = 0; pin < vm::kIoApicPins; ++pin) {
        kvm_irq_routing_entry entry{};
        entry.gsi = pin;
        entry.type = KVM_IRQ_ROUTING_IRQCHIP;
        entry.u.irqchip.irqchip = KVM_IRQCHIP_IOAPIC;
        entry.u.irqchip.pin = pin;
        entries.push_back(entry);
    }
    for (uint32_t vp = 0; vp < processors; ++vp) {
        kvm_irq_routing_entry entry{};
        entry.gsi = sint_gsi(vp);
        entry.type = KVM_IRQ_ROUTING_HV_SINT;
        entry.u.hv_sint.vcpu = vp;
        entry.u.hv_sint.sint = wire::kVmbusSint;
        entries.push_back(entry);
    }
    CountedList<kvm_irq_routing_entry> list(entries);
    HVIS_CHECK(kvm_call(fd_.get(), kSetGsiRouting, list.raw(), "KVM_SET_GSI_ROUTING"));
    return {};
}

Result<void> Machine::attach_line(uint32_t gsi, int event_fd) const {
    kvm_irqfd line{};
    line.fd = static_cast<uint32_t>(event_fd);
    line.gsi = gsi;
    HVIS_CHECK(HVIS_KVM(fd_.get(), KVM_IRQFD, &line));
    return {};
}

Result<void> Machine::attach_sint(uint32_t vp, int event_fd, int end_fd) const {
    kvm_irqfd line{};
    line.fd = static_cast<uint32_t>(event_fd);
    line.gsi = sint_gsi(vp);
    line.flags = KVM_IRQFD_FLAG_RESAMPLE;
    line.resamplefd = static_cast<uint32_t>(end_fd);
    HVIS_CHECK(HVIS_KVM(fd_.get(), KVM_IRQFD, &line));
    return {};
}

Result<void> Machine::connect_port(uint32_t connection_id, int event_fd) const {
    kvm_hyperv_eventfd port{};
    port.conn_id = connection_id;
    port.fd = event_fd;
    HVIS_CHECK(HVIS_KVM(fd_.get(), KVM_HYPERV_EVENTFD, &port));
    return {};
}

void Machine::disconnect_port(uint32_t connection_id) const {
    kvm_hyperv_eventfd port{};
    port.conn_id = connection_id;
    port.fd = -1;
    port.flags = KVM_HYPERV_EVENTFD_DEASSIGN;
    // It fails only for an id that is not connected, and then there is nothing to do.
    (void)HVIS_KVM(fd_.get(), KVM_HYPERV_EVENTFD, &port);
}

Result<uint64_t> Machine::clock() const {
    kvm_clock_data data{};
    HVIS_CHECK(HVIS_KVM(fd_.get(), KVM_GET_CLOCK, &data));
    return data.clock;
}

Result<void> Machine::set_clock(uint64_t nanoseconds) const {
    kvm_clock_data data{};
    data.clock = nanoseconds;
    HVIS_CHECK(HVIS_KVM(fd_.get(), KVM_SET_CLOCK, &data));
    return {};
}

}  // namespace hvis::kvm

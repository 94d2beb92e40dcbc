#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include <linux/kvm.h>

#include "base/result.h"
#include "base/unique_fd.h"
#include "kvm/kvm_device.h"
#include "vm/guest_memory.h"

namespace hvis::kvm {

/// One KVM virtual machine: RAM, interrupt controllers, interrupt routes, hypercall ports, clock.
/// A reset of the guest throws it away and makes another. Loop thread.
class Machine {
public:
    /// `device` and `memory` must outlive the machine.
    static Result<std::unique_ptr<Machine>> create(const KvmDevice& device,
                                                   vm::GuestMemory& memory);

    /// A processor with its SynIC on. In the order of the indices: KVM then finds a processor by
    /// its VP index at once.
    [[nodiscard]] Result<UniqueFd> create_vcpu(uint32_t index) const;

    /// Routes the I/O APIC's pins, and one interrupt source per processor: that of VMBus. After the
    /// last create_vcpu.
    [[nodiscard]] Result<void> set_routes(uint32_t processors) const;
    /// Adding 1 to `event_fd` pulses I/O APIC pin `gsi`.
    [[nodiscard]] Result<void> attach_line(uint32_t gsi, int event_fd) const;
    /// Adding 1 to `event_fd` raises VMBus's interrupt on processor `vp`; the kernel adds 1 to
    /// `end_fd` when the guest ends that interrupt or writes EOM.
    [[nodiscard]] Result<void> attach_sint(uint32_t vp, int event_fd, int end_fd) const;
    /// HvSignalEvent on `connection_id` adds 1 to `event_fd`, in the kernel.
    [[nodiscard]] Result<void> connect_port(uint32_t connection_id, int event_fd) const;
    void disconnect_port(uint32_t connection_id) const;

    /// Nanoseconds of the clock behind the guest's reference counter.
    [[nodiscard]] Result<uint64_t> clock() const;
    [[nodiscard]] Result<void> set_clock(uint64_t nanoseconds) const;

private:
    Machine(const KvmDevice& device, UniqueFd fd) : device_(device), fd_(std::move(fd)) {}
    [[nodiscard]] Result<void> set_up(vm::GuestMemory& memory) const;
    [[nodiscard]] Result<void> add_memory(vm::GuestMemory& memory) const;
    [[nodiscard]] Result<void> filter_crash_registers() const;

    const KvmDevice& device_;
    UniqueFd fd_;
};

}  // namespace hvis::kvm

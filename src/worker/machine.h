#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "base/result.h"
#include "device/power/power.h"
#include "device/rtc/rtc.h"
#include "device/serial/serial.h"
#include "kvm/kvm_partition.h"
#include "loop/loop.h"
#include "vm/boot/image_source.h"
#include "vm/io_bus.h"
#include "vm/vmbus_host.h"
#include "worker/config.h"
#include "worker/guest_clock.h"
#include "worker/machine_state.h"
#include "worker/serial_console.h"

namespace hvis::worker {

/// The hardware of one VM: partition, devices, images to boot, and its state. Loop thread.
class Machine : private vm::PartitionClient {
public:
    /// What the owner is told, on the loop thread and never from inside a call of its own.
    struct Events {
        std::function<void(const vm::CrashReport&)> crashed;
        /// All processors have stopped. Call restart() or let the machine go.
        std::function<void(vm::StopReason)> stopped;
    };

    /// Opens the images and KVM; the error names what is missing. `config` and `loop` must outlive
    /// the machine.
    static Result<std::unique_ptr<Machine>> create(const Config& config, loop::Loop& loop,
                                                   Events events);
    ~Machine() override;

    /// The VMBus that the guest's messages go to; before start().
    void attach(vm::VmbusHost& vmbus) { vmbus_ = &vmbus; }

    Result<void> start();
    Result<void> pause();
    Result<void> resume();
    /// Ends the run for this reason as soon as the processors have left the guest; Events::stopped
    /// follows.
    void request_stop(vm::StopReason reason);
    /// After Events::stopped: the machine boots again from its images.
    Result<void> restart();

    [[nodiscard]] MachineState state() const { return life_.state(); }
    /// A crashed guest that connects again (a crash kernel) is running.
    void recovered() { life_.recovered(); }
    /// It will not be started again; `broken` if it crashed or failed.
    void ended(bool broken) { life_.ended(broken); }
    /// Since the start or the last restart.
    [[nodiscard]] Duration uptime(TimePoint now) const;
    [[nodiscard]] kvm::KvmPartition& partition() { return *partition_; }
    [[nodiscard]] uint64_t unclaimed_accesses() const { return bus_.unclaimed(); }
    [[nodiscard]] uint64_t serial_dropped() const { return serial_.dropped(); }
    void flush_console() { console_->flush(); }

private:
    Machine(const Config& config, loop::Loop& loop, Events events);
    Result<void> open();
    Result<void> attach_devices();
    Result<vm::InitialState> load(vm::GuestMemory& memory, const vm::MemoryMap& map);

    bool message_posted(uint32_t connection_id, uint32_t type, ByteView payload) override;
    void message_slot_freed(vm::SynicTarget target) override;
    void guest_crashed(const vm::CrashReport& report) override;
    void partition_stopped(vm::StopReason reason) override;

    const Config& config_;
    loop::Loop& loop_;
    Events events_;
    std::unique_ptr<vm::FileImage> kernel_;
    std::unique_ptr<vm::FileImage> initrd_;
    std::unique_ptr<SerialConsole> console_;
    vm::IoBus bus_;
    device::Serial serial_;
    device::Rtc rtc_;
    device::Power power_;
    int serial_line_ = -1;
    vm::VmbusHost* vmbus_ = nullptr;
    MachineLife life_;
    GuestClock clock_;
    TimePoint started_;
    // Last: its processors use everything above until it is gone.
    std::unique_ptr<kvm::KvmPartition> partition_;
};

}  // namespace hvis::worker

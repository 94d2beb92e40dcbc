#pragma once

#include <memory>

#include "device/power/power.h"
#include "device/rtc/rtc.h"
#include "device/serial/serial.h"
#include "kvm/kvm_partition.h"
#include "vm/boot/image_source.h"
#include "vm/io_bus.h"
#include "worker/config.h"
#include "worker/guest_clock.h"
#include "worker/machine.h"
#include "worker/serial_console.h"

namespace hvis::worker {

/// A virtual machine on KVM with the devices that a Linux guest boots with. Loop thread.
class KvmMachine final : public Machine {
public:
    /// Opens the images and KVM; the error names what is missing. `config` and `loop` must outlive
    /// the machine.
    static Result<std::unique_ptr<Machine>> create(const Config& config, loop::Loop& loop,
                                                   Events events);

    [[nodiscard]] vm::Partition& partition() override { return *partition_; }
    [[nodiscard]] control::Counts exits() const override;
    [[nodiscard]] control::Counts counters() const override;
    [[nodiscard]] std::optional<uint32_t> faulted_processor() const override {
        return partition_->faulted_processor();
    }
    void flush_console() override { console_->flush(); }

private:
    KvmMachine(const Config& config, loop::Loop& loop, Events events);
    Result<void> open();
    Result<void> attach_devices();
    Result<vm::InitialState> load(vm::GuestMemory& memory, const vm::MemoryMap& map);

    Result<void> power_on() override;
    void paused(bool paused) override;
    void cut(vm::StopReason reason) override { partition_->request_stop(reason); }
    Result<void> reset() override;

    const Config& config_;
    std::unique_ptr<vm::FileImage> kernel_;
    std::unique_ptr<vm::FileImage> initrd_;
    std::unique_ptr<SerialConsole> console_;
    vm::IoBus bus_;
    device::Serial serial_;
    device::Rtc rtc_;
    GuestClock clock_;
    device::Power power_;  // reads clock_ when it is made
    int serial_line_ = -1;
    // Last: its processors use everything above until it is gone.
    std::unique_ptr<kvm::KvmPartition> partition_;
};

}  // namespace hvis::worker

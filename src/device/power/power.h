#pragma once

#include <chrono>
#include <functional>

#include "base/time.h"
#include "vm/io_bus.h"
#include "vm/partition.h"

namespace hvis::device {

/// The machine's power: ACPI sleep control and status registers, the reset register, and the ACPI
/// power management timer, on the ports of vm/ports.h. ACPI 6.5, 4.8.3.6, 4.8.3.7 and 4.8.3.3.
///
/// No state but constants: any number of vCPU threads.
class Power : public vm::IoHandler {
public:
    /// Called on a vCPU thread with kPowerOff or kReset; must not block.
    using StopRequest = std::function<void(vm::StopReason)>;
    /// Tells the time that the timer counts, which should stand still while the guest does; any
    /// thread.
    using Clock = std::function<TimePoint()>;

    Power(StopRequest request_stop, Clock clock);

    void read(uint64_t offset, MutableByteView data) override;
    void write(uint64_t offset, ByteView data) override;
    void reset() override {}

private:
    [[nodiscard]] uint32_t timer_ticks() const;

    StopRequest request_stop_;
    Clock clock_;
    TimePoint started_;
};

}  // namespace hvis::device

#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "base/result.h"
#include "control/results.h"
#include "loop/loop.h"
#include "vm/partition.h"
#include "vm/vmbus_host.h"
#include "worker/machine_state.h"

namespace hvis::worker {

/// The hardware of one VM, whatever its partition is: its life, and who is told of what happens in
/// it. Two kinds: KvmMachine, a virtual machine, and LoopbackMachine, a guest in an ordinary
/// process. Loop thread.
class Machine : protected vm::PartitionClient {
public:
    /// What the owner is told, on the loop thread and never from inside a call of its own.
    struct Events {
        std::function<void(const vm::CrashReport&)> crashed;
        /// All processors have stopped. Call restart() or let the machine go.
        std::function<void(vm::StopReason)> stopped;
    };
    /// Makes the machine of one VM; the error says what is missing.
    using Maker = std::function<Result<std::unique_ptr<Machine>>(Events events)>;

    ~Machine() override;
    Machine(const Machine&) = delete;
    Machine& operator=(const Machine&) = delete;

    /// The VMBus that the guest's messages go to; before start().
    void attach(vm::VmbusHost& vmbus) { vmbus_ = &vmbus; }

    Result<void> start();
    Result<void> pause();
    Result<void> resume();
    /// Ends the run for this reason as soon as the processors have left the guest; Events::stopped
    /// follows.
    void request_stop(vm::StopReason reason);
    /// After Events::stopped: the machine boots again from the beginning.
    Result<void> restart();

    [[nodiscard]] MachineState state() const { return life_.state(); }
    /// A crashed guest that connects again (a crash kernel) is running.
    void recovered() { life_.recovered(); }
    /// It will be restarted, but not at once.
    void resting() { life_.resting(); }
    /// It will not be started again; `broken` if it crashed or failed.
    void ended(bool broken) { life_.ended(broken); }
    /// Since the start or the last restart.
    [[nodiscard]] Duration uptime(TimePoint now) const;

    [[nodiscard]] virtual vm::Partition& partition() = 0;
    /// Exits of the processors to this process since the start, by reason; empty where there are
    /// none to count.
    [[nodiscard]] virtual control::Counts exits() const { return {}; }
    /// What else there is to count, under names that begin with the device's.
    [[nodiscard]] virtual control::Counts counters() const = 0;
    /// The processor that could not go on, after a triple fault.
    [[nodiscard]] virtual std::optional<uint32_t> faulted_processor() const { return {}; }
    /// Writes what is left of the console's output; before the process ends.
    virtual void flush_console() {}

protected:
    Machine(loop::Loop& loop, Events events);
    [[nodiscard]] loop::Loop& loop() { return loop_; }

private:
    virtual Result<void> power_on() = 0;
    /// The processors have stopped (true) or are about to run again.
    virtual void paused(bool paused) = 0;
    virtual void cut(vm::StopReason reason) = 0;
    /// Back to the state before the first power_on().
    virtual Result<void> reset() = 0;

    bool message_posted(uint32_t connection_id, uint32_t type, ByteView payload) override;
    void message_slot_freed(vm::SynicTarget target) override;
    void guest_crashed(const vm::CrashReport& report) override;
    void partition_stopped(vm::StopReason reason) override;

    loop::Loop& loop_;
    Events events_;
    vm::VmbusHost* vmbus_ = nullptr;
    MachineLife life_;
    TimePoint started_;
    loop::Loop::TimerId stop_notice_ = 0;
};

}  // namespace hvis::worker

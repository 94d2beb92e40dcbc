#pragma once

#include <map>
#include <memory>
#include <utility>

#include "kvm/crash_registers.h"
#include "kvm/kvm_device.h"
#include "kvm/kvm_partition.h"
#include "kvm/machine.h"
#include "kvm/partition_events.h"
#include "kvm/processors.h"
#include "kvm/run_clock.h"
#include "kvm/vmbus_lines.h"
#include "vm/synic.h"

namespace hvis::kvm {

/// The members in the order of their lives: what is below may use what is above.
class KvmPartition::Impl {
public:
    Impl(PartitionConfig config, loop::Loop& loop, vm::IoBus& bus, KvmDevice device,
         vm::MemoryMap map, vm::GuestMemory memory, std::unique_ptr<PartitionEvents> events)
        : config_(std::move(config)),
          loop_(loop),
          bus_(bus),
          device_(std::move(device)),
          map_(std::move(map)),
          memory_(std::move(memory)),
          events_(std::move(events)),
          synic_(memory_, config_.processors) {}
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;
    ~Impl() { loop_.unwatch(events_->fd()); }

    Result<void> set_up();
    Result<void> start();
    void pause();
    void resume();
    Result<void> reset();
    Result<vm::PostResult> post_message(vm::SynicTarget target, const vm::SynicMessage& message);
    void signal_event(vm::SynicTarget target, uint16_t flag);
    void signal_event_again(vm::SynicTarget target, uint16_t flag);
    Result<void> connect_port(uint32_t connection_id, int event_fd);
    void disconnect_port(uint32_t connection_id);
    void retry_messages();
    Result<int> interrupt_line(uint32_t gsi);
    [[nodiscard]] uint64_t reference_time() const {
        return machine_ ? clock_.reference_time(*machine_) : 0;
    }

    PartitionConfig config_;
    loop::Loop& loop_;
    vm::IoBus& bus_;
    KvmDevice device_;
    vm::MemoryMap map_;
    vm::GuestMemory memory_;
    std::unique_ptr<PartitionEvents> events_;
    vm::Synic synic_;
    CrashRegisters crash_;
    ExitCounters counters_;
    vm::PartitionClient* client_ = nullptr;

private:
    /// Fresh: nothing has run; a stopped partition needs a reset before it can be started.
    enum class Phase : uint8_t { kFresh, kRunning, kPaused, kStopped };

    Result<void> build();
    /// A reset that failed leaves no machine.
    [[nodiscard]] Result<void> check_machine() const {
        return machine_ ? Result<void>() : fail(Errc::kState, "the virtual machine is gone");
    }
    void take_events();
    void offer_messages();
    void stopped(vm::StopReason reason);

    Phase phase_ = Phase::kFresh;
    bool client_is_full_ = false;
    RunClock clock_;
    std::map<uint32_t, int> ports_;       // connection id to the caller's event fd
    std::map<uint32_t, UniqueFd> lines_;  // I/O APIC pin to our event fd
    std::unique_ptr<VmbusLines> vmbus_lines_;
    std::unique_ptr<Machine> machine_;
    std::unique_ptr<Processors> processors_;
};

}  // namespace hvis::kvm

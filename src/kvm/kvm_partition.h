#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "kvm/exit_counts.h"
#include "loop/loop.h"
#include "vm/boot/linux.h"
#include "vm/guest_memory.h"
#include "vm/io_bus.h"
#include "vm/memory_map.h"
#include "vm/partition.h"

namespace hvis::kvm {

/// What a virtual machine is made of.
struct PartitionConfig {
    static constexpr uint32_t kMaxProcessors = 64;

    uint32_t processors = 1;
    uint64_t memory_bytes = uint64_t{512} << 20;
    /// Fills fresh, zeroed RAM before the first start and after each reset. Loop thread.
    std::function<Result<vm::InitialState>(vm::GuestMemory& memory, const vm::MemoryMap& map)>
        load{};
    /// Runs on each vCPU thread before it enters the guest; gives up what it will not need. Empty:
    /// confine_vcpu_thread() of kvm/confine.h.
    std::function<Result<void>()> confine_thread{};
};

/// A child partition that is a KVM virtual machine. See vm::Partition for the contract.
class KvmPartition : public vm::Partition {
public:
    /// `loop` and `bus` must outlive the partition. Opens /dev/kvm; the error names what is
    /// missing. Attach devices to `bus` before start().
    static Result<std::unique_ptr<KvmPartition>> create(PartitionConfig config, loop::Loop& loop,
                                                        vm::IoBus& bus);
    ~KvmPartition() override;

    /// Who is told; before start(). Must outlive the partition or be replaced.
    void set_client(vm::PartitionClient* client);

    /// An event fd, owned by the partition: adding 1 pulses I/O APIC pin `gsi`. Any thread may
    /// write to it. It stays good across reset().
    Result<int> interrupt_line(uint32_t gsi);

    /// Ends the run with this reason, as if the guest had asked. Any thread; the first one counts.
    void request_stop(vm::StopReason reason);

    /// Which processor's triple fault ended the run; until reset().
    [[nodiscard]] std::optional<uint32_t> faulted_processor() const;

    /// Why processors came out of the guest, since the partition was made. Any thread.
    [[nodiscard]] ExitCounts exit_counts() const;
    [[nodiscard]] const vm::MemoryMap& memory_map() const;

    [[nodiscard]] vm::GuestMemory& memory() override;
    [[nodiscard]] uint32_t processor_count() const override;
    [[nodiscard]] uint64_t reference_time() const override;
    void accept_messages(uint32_t connection_id) override;
    void retry_messages() override;
    Result<vm::PostResult> post_message(vm::SynicTarget target,
                                        const vm::SynicMessage& message) override;
    void signal_event(vm::SynicTarget target, uint16_t flag) override;
    void signal_event_again(vm::SynicTarget target, uint16_t flag) override;
    Result<void> connect_port(uint32_t connection_id, int event_fd) override;
    void disconnect_port(uint32_t connection_id) override;
    Result<void> start() override;
    void pause() override;
    void resume() override;
    Result<void> reset() override;

private:
    class Impl;
    explicit KvmPartition(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace hvis::kvm

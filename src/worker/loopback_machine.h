#pragma once

#include <memory>

#include "loopback/loopback_partition.h"
#include "loopback/power_line.h"
#include "worker/config.h"
#include "worker/machine.h"

namespace hvis::worker {

/// A machine whose guest is an ordinary process: the same VMBus bytes, no kernel, no KVM. Each time
/// it is switched on, a guest comes over the power line. Loop thread.
class LoopbackMachine final : public Machine {
public:
    /// All must outlive the machine. Fails with kInvalid where `config` asks for more than a
    /// loopback partition can be.
    static Result<std::unique_ptr<Machine>> create(const Config& config, loop::Loop& loop,
                                                   loopback::PowerLine& line, Events events);

    [[nodiscard]] vm::Partition& partition() override { return *partition_; }
    [[nodiscard]] control::Counts counters() const override;
    [[nodiscard]] std::optional<uint32_t> faulted_processor() const override { return 0; }

private:
    LoopbackMachine(const Config& config, loop::Loop& loop, loopback::PowerLine& line,
                    Events events);

    Result<void> power_on() override;
    void paused(bool /*paused*/) override {}
    void cut(vm::StopReason reason) override { partition_->request_stop(reason); }
    Result<void> reset() override;

    const Config& config_;
    loopback::PowerLine& line_;
    std::unique_ptr<loopback::LoopbackPartition> partition_;
};

}  // namespace hvis::worker

#include "worker/loopback_machine.h"

#include <utility>

namespace hvis::worker {

Result<std::unique_ptr<Machine>> LoopbackMachine::create(const Config& config, loop::Loop& loop,
                                                         loopback::PowerLine& line, Events events) {
    std::unique_ptr<LoopbackMachine> machine(
        new LoopbackMachine(config, loop, line, std::move(events)));
    machine->partition_ = HVIS_TRY(loopback::LoopbackPartition::create(
        {.memory_bytes = config.memory, .processors = config.processors}, loop));
    machine->partition_->set_client(machine.get());
    return machine;
}

LoopbackMachine::LoopbackMachine(const Config& config, loop::Loop& loop, loopback::PowerLine& line,
                                 Events events)
    : Machine(loop, std::move(events)), config_(config), line_(line) {}

Result<void> LoopbackMachine::power_on() {
    auto guest = HVIS_TRY(line_.power_on({.name = config_.name, .fault = config_.loopback.fault}));
    HVIS_CHECK(partition_->attach(std::move(guest)));
    return partition_->start();
}

Result<void> LoopbackMachine::reset() {
    partition_->detach();
    return partition_->reset();
}

control::Counts LoopbackMachine::counters() const {
    return {{"loopback.packets_rejected", partition_->rejected_packets()},
            {"loopback.messages_refused", partition_->refused_messages()}};
}

}  // namespace hvis::worker

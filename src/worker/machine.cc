#include "worker/machine.h"

#include <utility>

namespace hvis::worker {

Machine::Machine(loop::Loop& loop, Events events) : loop_(loop), events_(std::move(events)) {}

Machine::~Machine() { loop_.cancel_timer(stop_notice_); }

Result<void> Machine::start() {
    HVIS_CHECK(power_on());
    started_ = loop::Loop::now();
    life_.started();
    return {};
}

Result<void> Machine::pause() {
    HVIS_CHECK(life_.pause());
    partition().pause();
    paused(true);
    return {};
}

Result<void> Machine::resume() {
    HVIS_CHECK(life_.resume());
    paused(false);
    partition().resume();
    return {};
}

void Machine::request_stop(vm::StopReason reason) {
    // A paused machine stays paused: its guest does not run on only to be stopped.
    life_.stopping();
    cut(reason);
}

Result<void> Machine::restart() {
    HVIS_CHECK(reset());
    return start();
}

Duration Machine::uptime(TimePoint now) const {
    return life_.state() == MachineState::kStarting ? Duration{} : now - started_;
}

bool Machine::message_posted(uint32_t connection_id, uint32_t type, ByteView payload) {
    return vmbus_ == nullptr || vmbus_->message_posted(connection_id, type, payload);
}

void Machine::message_slot_freed(vm::SynicTarget /*target*/) {
    if (vmbus_ != nullptr) {
        vmbus_->message_slot_freed();
    }
}

void Machine::guest_crashed(const vm::CrashReport& report) {
    life_.crashed();
    events_.crashed(report);
}

void Machine::partition_stopped(vm::StopReason reason) {
    life_.stopped();
    // Later, so that the owner may reset the partition that is calling us.
    loop_.cancel_timer(stop_notice_);
    stop_notice_ = loop_.add_timer(loop::Loop::now(), [this, reason] {
        stop_notice_ = 0;
        events_.stopped(reason);
    });
}

}  // namespace hvis::worker

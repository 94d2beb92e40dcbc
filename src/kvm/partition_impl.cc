#include "kvm/partition_impl.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "wire/hypercall.h"

namespace hvis::kvm {

Result<void> KvmPartition::Impl::set_up() {
    vmbus_lines_ = HVIS_TRY(VmbusLines::create(loop_, config_.processors, [this](uint32_t vp) {
        if (client_ != nullptr) {
            client_->message_slot_freed({.vp = vp, .sint = wire::kVmbusSint});
        }
    }));
    HVIS_CHECK(loop_.watch(events_->fd(), EPOLLIN, [this](uint32_t) { take_events(); }));
    return build();
}

Result<void> KvmPartition::Impl::build() {
    machine_ = HVIS_TRY(Machine::create(device_, memory_));
    const ExitTargets targets{
        .bus = bus_, .synic = synic_, .memory = memory_, .crash = crash_, .events = *events_};
    processors_ =
        HVIS_TRY(Processors::create(device_, *machine_, config_.processors, targets, counters_));
    HVIS_CHECK(machine_->set_routes(config_.processors));
    HVIS_CHECK(vmbus_lines_->attach(*machine_));
    for (const auto& [gsi, line] : lines_) {
        HVIS_CHECK(machine_->attach_line(gsi, line.get()));
    }
    for (const auto& [connection_id, event_fd] : ports_) {
        HVIS_CHECK(machine_->connect_port(connection_id, event_fd));
    }
    return {};
}

Result<void> KvmPartition::Impl::start() {
    if (phase_ != Phase::kFresh) {
        return fail(Errc::kState, "the partition was started already");
    }
    const auto state = HVIS_TRY(config_.load(memory_, map_));
    HVIS_CHECK(processors_->prepare(state, config_.confine_thread));
    phase_ = Phase::kRunning;
    processors_->run();
    return {};
}

void KvmPartition::Impl::pause() {
    if (phase_ == Phase::kRunning) {
        processors_->pause();
        clock_.stop(*machine_);
        phase_ = Phase::kPaused;
    }
}

void KvmPartition::Impl::resume() {
    if (phase_ == Phase::kPaused) {
        clock_.go_on(*machine_, *processors_);
        phase_ = Phase::kRunning;
        processors_->run();
    }
}

Result<void> KvmPartition::Impl::reset() {
    // A new virtual machine is the one reset that forgets everything, whatever KVM version.
    processors_.reset();
    machine_.reset();
    vmbus_lines_->stop_expecting();
    synic_.reset();
    crash_.reset();
    events_->clear();
    clock_ = {};
    client_is_full_ = false;
    phase_ = Phase::kStopped;
    HVIS_CHECK(memory_.clear());
    bus_.reset();
    HVIS_CHECK(build());
    phase_ = Phase::kFresh;
    return {};
}

void KvmPartition::Impl::take_events() {
    events_->drain_fd();
    offer_messages();
    for (const auto& report : events_->take_crashes()) {
        if (client_ != nullptr) {
            client_->guest_crashed(report);
        }
    }
    if (const auto reason = events_->take_stop()) {
        stopped(*reason);
    }
}

void KvmPartition::Impl::offer_messages() {
    if (phase_ == Phase::kStopped) {
        return;  // What a guest that is gone has left is dropped by reset().
    }
    for (size_t count = 0; !client_is_full_ && client_ != nullptr; ++count) {
        if (count == PartitionEvents::kMaxMessages) {
            events_->wake();  // the rest after the others: processors may post as fast as we read
            return;
        }
        auto message = events_->take_message();
        if (!message) {
            return;
        }
        if (!client_->message_posted(message->connection_id, message->type, message->payload)) {
            client_is_full_ = true;
            events_->give_back(std::move(*message));
        }
    }
}

void KvmPartition::Impl::retry_messages() {
    client_is_full_ = false;
    // Not from here: the client is in the middle of something.
    events_->wake();
}

void KvmPartition::Impl::stopped(vm::StopReason reason) {
    pause();
    phase_ = Phase::kStopped;
    if (client_ != nullptr) {
        client_->partition_stopped(reason);
    }
}

Result<vm::PostResult> KvmPartition::Impl::post_message(vm::SynicTarget target,
                                                        const vm::SynicMessage& message) {
    if (target.vp >= config_.processors || target.sint != wire::kVmbusSint) {
        return fail(Errc::kInvalid, "only VMBus's source of an existing processor takes messages");
    }
    // An end that came before the slot was found busy says nothing about it.
    vmbus_lines_->forget_ends(target.vp);
    switch (HVIS_TRY(synic_.post_message(target, message))) {
        case vm::Synic::Posted::kYes:
            vmbus_lines_->raise(target.vp);
            return vm::PostResult::kPosted;
        case vm::Synic::Posted::kSlotBusy:
            HVIS_CHECK(vmbus_lines_->expect_end(target.vp));
            return vm::PostResult::kSlotBusy;
        case vm::Synic::Posted::kDisabled:
            break;
    }
    return vm::PostResult::kDisabled;
}

void KvmPartition::Impl::signal_event(vm::SynicTarget target, uint16_t flag) {
    if (target.sint == wire::kVmbusSint && synic_.set_event_flag(target, flag)) {
        vmbus_lines_->raise(target.vp);
    }
}

void KvmPartition::Impl::signal_event_again(vm::SynicTarget target, uint16_t flag) {
    if (target.sint == wire::kVmbusSint && target.vp < config_.processors) {
        (void)synic_.set_event_flag(target, flag);
        vmbus_lines_->raise(target.vp);
    }
}

Result<void> KvmPartition::Impl::connect_port(uint32_t connection_id, int event_fd) {
    HVIS_CHECK(check_machine());
    HVIS_CHECK(machine_->connect_port(connection_id, event_fd));
    ports_[connection_id] = event_fd;
    return {};
}

void KvmPartition::Impl::disconnect_port(uint32_t connection_id) {
    if (ports_.erase(connection_id) != 0 && machine_) {
        machine_->disconnect_port(connection_id);
    }
}

Result<int> KvmPartition::Impl::interrupt_line(uint32_t gsi) {
    const auto known = lines_.find(gsi);
    if (known != lines_.end()) {
        return known->second.get();
    }
    HVIS_CHECK(check_machine());
    UniqueFd line(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!line) {
        return fail_errno("eventfd");
    }
    HVIS_CHECK(machine_->attach_line(gsi, line.get()));
    return lines_.emplace(gsi, std::move(line)).first->second.get();
}

}  // namespace hvis::kvm

#include "kvm/partition_events.h"

#include <algorithm>
#include <utility>

#include <sys/eventfd.h>

namespace hvis::kvm {

Result<std::unique_ptr<PartitionEvents>> PartitionEvents::create() {
    UniqueFd wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!wake) {
        return fail_errno("eventfd");
    }
    return std::unique_ptr<PartitionEvents>(new PartitionEvents(std::move(wake)));
}

void PartitionEvents::wake() const {
    // It fails only when the counter is full, and then the loop is awake.
    (void)eventfd_write(wake_.get(), 1);
}

void PartitionEvents::drain_fd() const {
    eventfd_t count = 0;
    (void)eventfd_read(wake_.get(), &count);
}

wire::HvStatus PartitionEvents::add_message(PostedMessage message) {
    {
        const std::lock_guard lock(mutex_);
        if (std::ranges::find(accepted_, message.connection_id) == accepted_.end()) {
            return wire::HvStatus::kInvalidConnectionId;
        }
        if (messages_.size() + (in_hand_ ? 1 : 0) >= kMaxMessages) {
            return wire::HvStatus::kInsufficientBuffers;
        }
        messages_.push_back(std::move(message));
    }
    wake();
    return wire::HvStatus::kSuccess;
}

void PartitionEvents::add_crash(vm::CrashReport report) {
    {
        const std::lock_guard lock(mutex_);
        if (crashes_.size() >= kMaxCrashes) {
            return;
        }
        crashes_.push_back(std::move(report));
    }
    wake();
}

void PartitionEvents::add_stop(vm::StopReason reason) { add_stop(reason, std::nullopt); }

void PartitionEvents::add_triple_fault(uint32_t processor) {
    add_stop(vm::StopReason::kTripleFault, processor);
}

void PartitionEvents::add_stop(vm::StopReason reason, std::optional<uint32_t> processor) {
    {
        const std::lock_guard lock(mutex_);
        if (std::exchange(stop_seen_, true)) {
            return;
        }
        stop_ = reason;
        faulted_processor_ = processor;
    }
    wake();
}

void PartitionEvents::accept(uint32_t connection_id) {
    const std::lock_guard lock(mutex_);
    if (std::ranges::find(accepted_, connection_id) == accepted_.end()) {
        accepted_.push_back(connection_id);
    }
}

std::optional<PostedMessage> PartitionEvents::take_message() {
    const std::lock_guard lock(mutex_);
    in_hand_ = !messages_.empty();
    if (!in_hand_) {
        return std::nullopt;
    }
    PostedMessage message = std::move(messages_.front());
    messages_.pop_front();
    return message;
}

void PartitionEvents::give_back(PostedMessage message) {
    const std::lock_guard lock(mutex_);
    messages_.push_front(std::move(message));
    in_hand_ = false;
}

std::vector<vm::CrashReport> PartitionEvents::take_crashes() {
    const std::lock_guard lock(mutex_);
    return std::exchange(crashes_, {});
}

std::optional<vm::StopReason> PartitionEvents::take_stop() {
    const std::lock_guard lock(mutex_);
    return std::exchange(stop_, std::nullopt);
}

std::optional<uint32_t> PartitionEvents::faulted_processor() const {
    const std::lock_guard lock(mutex_);
    return faulted_processor_;
}

void PartitionEvents::clear() {
    const std::lock_guard lock(mutex_);
    messages_.clear();
    in_hand_ = false;
    crashes_.clear();
    stop_.reset();
    stop_seen_ = false;
    faulted_processor_.reset();
}

}  // namespace hvis::kvm

#include "kvm/kvm_partition.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "base/log.h"
#include "kvm/confine.h"
#include "kvm/kvm_device.h"
#include "kvm/machine.h"
#include "kvm/processors.h"
#include "kvm/run_clock.h"
#include "kvm/vmbus_lines.h"
#include "vm/synic.h"
#include "wire/hypercall.h"

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

Result<std::unique_ptr<KvmPartition>> KvmPartition::create(PartitionConfig config, loop::Loop& loop,
                                                           vm::IoBus& bus) {
    if (config.processors == 0 || config.processors > PartitionConfig::kMaxProcessors) {
        return fail(Errc::kInvalid, "a virtual machine has between 1 and 64 processors");
    }
    if (!config.confine_thread) {
        config.confine_thread = confine_vcpu_thread;
    }
    auto map = HVIS_TRY(vm::MemoryMap::plan(config.memory_bytes));
    auto device = HVIS_TRY(KvmDevice::open());
    auto memory = HVIS_TRY(vm::GuestMemory::create(map.ram, "hvis-guest"));
    auto events = HVIS_TRY(PartitionEvents::create());
    auto impl = std::make_unique<Impl>(std::move(config), loop, bus, std::move(device),
                                       std::move(map), std::move(memory), std::move(events));
    HVIS_CHECK(impl->set_up());
    return std::unique_ptr<KvmPartition>(new KvmPartition(std::move(impl)));
}

KvmPartition::KvmPartition(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
KvmPartition::~KvmPartition() = default;

void KvmPartition::set_client(vm::PartitionClient* client) { impl_->client_ = client; }
Result<int> KvmPartition::interrupt_line(uint32_t gsi) { return impl_->interrupt_line(gsi); }
void KvmPartition::request_stop(vm::StopReason reason) { impl_->events_->add_stop(reason); }
std::optional<uint32_t> KvmPartition::faulted_processor() const {
    return impl_->events_->faulted_processor();
}
ExitCounts KvmPartition::exit_counts() const { return impl_->counters_.snapshot(); }
const vm::MemoryMap& KvmPartition::memory_map() const { return impl_->map_; }
vm::GuestMemory& KvmPartition::memory() { return impl_->memory_; }
uint32_t KvmPartition::processor_count() const { return impl_->config_.processors; }
uint64_t KvmPartition::reference_time() const { return impl_->reference_time(); }
void KvmPartition::accept_messages(uint32_t connection_id) {
    impl_->events_->accept(connection_id);
}
void KvmPartition::retry_messages() { impl_->retry_messages(); }
Result<vm::PostResult> KvmPartition::post_message(vm::SynicTarget target,
                                                  const vm::SynicMessage& message) {
    return impl_->post_message(target, message);
}
void KvmPartition::signal_event(vm::SynicTarget target, uint16_t flag) {
    impl_->signal_event(target, flag);
}
Result<void> KvmPartition::connect_port(uint32_t connection_id, int event_fd) {
    return impl_->connect_port(connection_id, event_fd);
}
void KvmPartition::disconnect_port(uint32_t connection_id) {
    impl_->disconnect_port(connection_id);
}
Result<void> KvmPartition::start() { return impl_->start(); }
void KvmPartition::pause() { impl_->pause(); }
void KvmPartition::resume() { impl_->resume(); }
Result<void> KvmPartition::reset() { return impl_->reset(); }

}  // namespace hvis::kvm

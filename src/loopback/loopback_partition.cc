#include "loopback/loopback_partition.h"

#include <array>
#include <string>
#include <utility>

#include <sys/epoll.h>

namespace hvis::loopback {

Result<std::unique_ptr<LoopbackPartition>> LoopbackPartition::create(const PartitionConfig& config,
                                                                     loop::Loop& loop) {
    if (config.memory_bytes < PartitionConfig::kMinMemory ||
        config.memory_bytes > PartitionConfig::kMaxMemory ||
        config.memory_bytes % vm::kPageSize != 0) {
        return fail(Errc::kInvalid, "loopback memory is too small, too large or not whole pages");
    }
    if (config.processors == 0 || config.processors > PartitionConfig::kMaxProcessors) {
        return fail(Errc::kInvalid, "loopback partition with too few or too many processors");
    }
    auto memory = HVIS_TRY(vm::GuestMemory::create(
        {{.start = kRamStart, .size = config.memory_bytes}}, "hvis-loopback-ram"));
    auto interrupt = HVIS_TRY(InterruptLine::create());
    return std::unique_ptr<LoopbackPartition>(
        new LoopbackPartition(config, loop, std::move(memory), std::move(interrupt)));
}

LoopbackPartition::LoopbackPartition(const PartitionConfig& config, loop::Loop& loop,
                                     vm::GuestMemory memory, InterruptLine interrupt)
    : config_(config),
      loop_(loop),
      memory_(std::move(memory)),
      synic_(memory_, config.processors),
      interrupt_(std::move(interrupt)),
      reference_epoch_(loop::Loop::now()) {}

LoopbackPartition::~LoopbackPartition() { detach(); }

void LoopbackPartition::detach() {
    if (is_attached()) {
        loop_.unwatch(socket_->fd());
        socket_.reset();
    }
    processors_run_ = false;
}

void LoopbackPartition::request_stop(vm::StopReason reason) {
    detach();
    stop(reason);
}

uint64_t LoopbackPartition::reference_time() const {
    const auto elapsed = loop::Loop::now() - reference_epoch_;
    return static_cast<uint64_t>(std::chrono::duration_cast<Ticks>(elapsed).count());
}

// Processors: attach, start, pause, resume, reset.

Result<void> LoopbackPartition::attach(UniqueFd socket) {
    if (is_attached()) {
        return fail(Errc::kState, "a guest process is attached already");
    }
    if (stopped_) {
        return fail(Errc::kState, "reset the partition before another process is attached");
    }
    PacketSocket attached(std::move(socket));
    const std::array fds = {memory_.memfd(), interrupt_.guest_fd()};
    HVIS_CHECK(attached.send(format_packet(HostPacket(Attach{.processors = config_.processors,
                                                             .ram_start = kRamStart.value,
                                                             .ram_size = config_.memory_bytes})),
                             fds));
    const uint32_t events = paused_ ? 0U : static_cast<uint32_t>(EPOLLIN);
    HVIS_CHECK(loop_.watch(attached.fd(), events, [this](uint32_t ready) { on_socket(ready); }));
    socket_ = std::move(attached);
    awaiting_reset_done_ = false;
    run_processors();
    return {};
}

Result<void> LoopbackPartition::start() {
    if (stopped_) {
        return fail(Errc::kState, "reset the partition before it starts again");
    }
    started_ = true;
    run_processors();
    return {};
}

void LoopbackPartition::run_processors() {
    if (!started_ || paused_ || !is_attached() || std::exchange(processors_run_, true)) {
        return;
    }
    const auto epoch = reference_epoch_.time_since_epoch();
    send(Start{std::chrono::duration_cast<std::chrono::nanoseconds>(epoch).count()});
}

void LoopbackPartition::pause() {
    if (std::exchange(paused_, true)) {
        return;
    }
    if (is_attached() && processors_run_) {
        send(Pause{});
    }
    watch_for(0);
}

void LoopbackPartition::resume() {
    if (!std::exchange(paused_, false)) {
        return;
    }
    if (is_attached() && processors_run_) {
        send(Resume{});
    }
    run_processors();
    watch_for(EPOLLIN);
    deliver_messages();
}

Result<void> LoopbackPartition::reset() {
    HVIS_CHECK(memory_.clear());
    synic_.reset();
    messages_.clear();
    busy_slots_.clear();
    held_back_ = false;
    started_ = false;
    processors_run_ = false;
    paused_ = false;
    stopped_ = false;
    reference_epoch_ = loop::Loop::now();
    if (is_attached()) {
        awaiting_reset_done_ = true;
        watch_for(EPOLLIN);
        send(Reset{++generation_});
    }
    return {};
}

// From the process.

void LoopbackPartition::watch_for(uint32_t events) {
    if (is_attached()) {
        // The descriptor is watched: attach() saw to that.
        (void)loop_.change(socket_->fd(), events);
    }
}

void LoopbackPartition::on_socket(uint32_t events) {
    if (paused_) {
        // What was ready in the same turn as the wish to pause stays there; its end counts.
        if ((events & (EPOLLHUP | EPOLLERR)) != 0) {
            guest_gone();
        }
        return;
    }
    for (int count = 0; count < kMaxPacketsPerTurn; ++count) {
        if (paused_ || !is_attached() || !receive_one()) {
            return;
        }
    }
}

bool LoopbackPartition::receive_one() {
    std::array<std::byte, kMaxPacket> buffer;
    const auto size = socket_->receive(buffer, nullptr);
    if (!size) {
        if (size.error().code == Errc::kProtocol) {
            reject(size.error().what);
            return true;
        }
        guest_gone();
        return false;
    }
    if (!*size) {
        return false;
    }
    const auto packet = parse_guest_packet(ByteView(buffer).first(**size));
    if (!packet) {
        reject(packet.error().what);
        return true;
    }
    on_packet(*packet);
    return true;
}

void LoopbackPartition::on_packet(const GuestPacket& packet) {
    if (const auto* done = std::get_if<ResetDone>(&packet)) {
        handle(*done);
        return;
    }
    if (awaiting_reset_done_ || stopped_) {
        return;  // From before the reset, or after the end.
    }
    if (!processors_run_) {
        reject("packet before the start");
        return;
    }
    std::visit([this](const auto& each) { handle(each); }, packet);
}

void LoopbackPartition::handle(const PostMessage& packet) {
    if (!accepted_ids_.contains(packet.connection_id)) {
        send(PostAnswer{wire::HvStatus::kInvalidConnectionId});
        return;
    }
    if (messages_.size() >= kMaxQueuedMessages) {
        ++refused_;
        send(PostAnswer{wire::HvStatus::kInsufficientBuffers});
        return;
    }
    messages_.push_back(packet);
    send(PostAnswer{wire::HvStatus::kSuccess});
    deliver_messages();
}

void LoopbackPartition::handle(const WriteRegister& packet) {
    if (packet.processor >= config_.processors) {
        reject("register of a processor that does not exist");
        return;
    }
    switch (packet.index) {
        case SynicRegister::kControl:
            synic_.set_control(packet.processor, packet.value);
            break;
        case SynicRegister::kEventPage:
            synic_.set_event_page(packet.processor, packet.value);
            break;
        case SynicRegister::kMessagePage:
            synic_.set_message_page(packet.processor, packet.value);
            break;
    }
}

void LoopbackPartition::handle(const EndOfMessage& packet) {
    std::vector<vm::SynicTarget> freed;
    for (const auto& target : busy_slots_) {
        if (target.vp == packet.processor) {
            freed.push_back(target);
        }
    }
    for (const auto& target : freed) {
        if (busy_slots_.erase(target) != 0) {
            client_->message_slot_freed(target);
        }
    }
}

void LoopbackPartition::handle(const Crash& packet) {
    client_->guest_crashed({.parameters = packet.parameters, .text = packet.text});
}

void LoopbackPartition::handle(const Stop& packet) {
    switch (packet.kind) {
        case StopKind::kPowerOff:
            stop(vm::StopReason::kPowerOff);
            break;
        case StopKind::kReset:
            stop(vm::StopReason::kReset);
            break;
    }
}

void LoopbackPartition::handle(const ResetDone& packet) {
    if (awaiting_reset_done_ && packet.generation == generation_) {
        awaiting_reset_done_ = false;
    }
}

void LoopbackPartition::stop(vm::StopReason reason) {
    processors_run_ = false;
    if (!std::exchange(stopped_, true)) {
        client_->partition_stopped(reason);
    }
}

void LoopbackPartition::guest_gone() {
    loop_.unwatch(socket_->fd());
    socket_.reset();
    // Before a start there was nothing to stop: another process may come.
    if (processors_run_) {
        stop(vm::StopReason::kTripleFault);
    }
}

void LoopbackPartition::reject(std::string_view what) {
    ++rejected_;
    if (log_limit_.allow(loop::Loop::now())) {
        log(LogLevel::kWarning, "loopback", std::string("guest process: ").append(what));
    }
}

// Messages from the guest.

void LoopbackPartition::accept_messages(uint32_t connection_id) {
    accepted_ids_.insert(connection_id);
}

void LoopbackPartition::retry_messages() {
    held_back_ = false;
    deliver_messages();
}

void LoopbackPartition::deliver_messages() {
    if (std::exchange(delivering_, true)) {
        return;  // The client called back from within message_posted: the loop below goes on.
    }
    while (!messages_.empty() && !held_back_ && !paused_ && !stopped_) {
        const PostMessage message = std::move(messages_.front());
        messages_.pop_front();
        if (!client_->message_posted(message.connection_id, message.type, message.payload)) {
            messages_.push_front(message);
            held_back_ = true;
        }
    }
    delivering_ = false;
}

// To the guest.

void LoopbackPartition::send(const HostPacket& packet, std::span<const int> fds) {
    if (const auto sent = socket_->send(format_packet(packet), fds); !sent) {
        // The loop sees the socket's end and reports it from there, not from within this call.
        socket_->shut_down();
    }
}

Result<vm::PostResult> LoopbackPartition::post_message(vm::SynicTarget target,
                                                       const vm::SynicMessage& message) {
    switch (HVIS_TRY(synic_.post_message(target, message))) {
        case vm::Synic::Posted::kYes:
            interrupt_.raise();
            return vm::PostResult::kPosted;
        case vm::Synic::Posted::kSlotBusy:
            busy_slots_.insert(target);
            return vm::PostResult::kSlotBusy;
        case vm::Synic::Posted::kDisabled:
            break;
    }
    return vm::PostResult::kDisabled;
}

void LoopbackPartition::signal_event(vm::SynicTarget target, uint16_t flag) {
    if (synic_.set_event_flag(target, flag)) {
        interrupt_.raise();
    }
}

void LoopbackPartition::signal_event_again(vm::SynicTarget target, uint16_t flag) {
    (void)synic_.set_event_flag(target, flag);
    interrupt_.raise();
}

Result<void> LoopbackPartition::connect_port(uint32_t connection_id, int event_fd) {
    if (!is_attached()) {
        return fail(Errc::kState, "no guest process is attached");
    }
    const std::array fds = {event_fd};
    send(ConnectPort{connection_id}, fds);
    return {};
}

void LoopbackPartition::disconnect_port(uint32_t connection_id) {
    if (is_attached()) {
        send(DisconnectPort{connection_id});
    }
}

}  // namespace hvis::loopback

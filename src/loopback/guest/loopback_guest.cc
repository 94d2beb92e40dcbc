#include "loopback/guest/loopback_guest.h"

#include <utility>
#include <variant>

namespace hvis::loopback {
namespace {

/// Pages at the start of RAM that old protocol versions share with the host: event flags, and two
/// monitor pages.
constexpr uint64_t kSharedPages = 3;
/// Message page and event flag page.
constexpr uint64_t kPagesPerProcessor = 2;
constexpr uint64_t kEnable = 1;

}  // namespace

Result<std::unique_ptr<LoopbackGuest>> LoopbackGuest::create(UniqueFd socket, loop::Loop& loop,
                                                             GuestConfig config,
                                                             std::function<void(GuestEnd)> ended) {
    std::unique_ptr<LoopbackGuest> guest(
        new LoopbackGuest(loop, std::move(config), std::move(ended)));
    guest->machine_ = HVIS_TRY(Machine::create(std::move(socket), loop, *guest));
    return guest;
}

LoopbackGuest::LoopbackGuest(loop::Loop& loop, GuestConfig config,
                             std::function<void(GuestEnd)> ended)
    : loop_(loop),
      config_(std::move(config)),
      ended_(std::move(ended)),
      services_(config_.name, config_.fault == GuestFault::kHungHeartbeat
                                  ? HeartbeatAnswers::kNo
                                  : HeartbeatAnswers::kYes) {}

LoopbackGuest::~LoopbackGuest() {
    reset();
    loop_.cancel_timer(end_notice_);
}

Clocks LoopbackGuest::clocks() const {
    const auto ahead = std::chrono::hours(config_.fault == GuestFault::kWrongClock ? 1 : 0);
    return {.now = loop::Loop::now(),
            .wall = WallTime::from_system(std::chrono::system_clock::now() + ahead),
            .reference = machine_->reference_time()};
}

// Start and end.

void LoopbackGuest::started() { settle(boot()); }

Result<void> LoopbackGuest::boot() {
    auto& memory = machine_->memory();
    const uint64_t first = memory.regions().front().start.value / vm::kPageSize;
    for (uint32_t processor = 0; processor < machine_->processors(); ++processor) {
        const uint64_t page = first + kSharedPages + (processor * kPagesPerProcessor);
        pages_.push_back(HVIS_TRY(SynicPages::create(memory, page, page + 1)));
        const auto enable = [&](SynicRegister index, uint64_t value) {
            machine_->write_register(processor, index, value | kEnable);
        };
        enable(SynicRegister::kMessagePage, page * vm::kPageSize);
        enable(SynicRegister::kEventPage, (page + 1) * vm::kPageSize);
        enable(SynicRegister::kControl, 0);
    }
    const uint64_t rings = first + kSharedPages + (pages_.size() * kPagesPerProcessor);
    HVIS_TRY(memory.range({rings * vm::kPageSize}, ServicePorts::kPages * vm::kPageSize));
    client_.emplace(vmbus::ChannelClient::Config{
        .max_version = config_.max_version,
        .target_sint = wire::kVmbusSint,
        .interrupt_page = first * vm::kPageSize,
        .monitor_page_in = (first + 1) * vm::kPageSize,
        .monitor_page_out = (first + 2) * vm::kPageSize,
    });
    pump_.emplace(loop_, *machine_, *client_);
    ports_.emplace(*machine_, *client_, services_, rings);
    if (config_.fault == GuestFault::kVandal) {
        vandal_.emplace(loop_, *machine_, config_.seed);
    }
    client_->connect();
    pump_->post();
    return {};
}

void LoopbackGuest::reset() {
    loop_.cancel_timer(std::exchange(unload_timer_, 0));
    leaving_.reset();
    version_.reset();
    vandal_.reset();
    ports_.reset();
    pump_.reset();
    client_.reset();
    pages_.clear();
    services_.disconnected();
}

void LoopbackGuest::paused() {
    if (vandal_) {
        vandal_->rest();
    }
}

void LoopbackGuest::resumed() {
    if (vandal_) {
        vandal_->work();
    }
}

void LoopbackGuest::host_gone(std::string_view why) {
    if (over_) {
        return;
    }
    log(LogLevel::kInfo, config_.name, why);
    end(GuestEnd::kHostGone);
}

void LoopbackGuest::end(GuestEnd how) {
    if (std::exchange(over_, true)) {
        return;
    }
    machine_->hang_up();
    end_notice_ = loop_.add_timer(loop::Loop::now(), [this, how] {
        end_notice_ = 0;
        const auto ended = std::move(ended_);
        if (ended) {
            ended(how);
        }
    });
}

void LoopbackGuest::settle(const Result<void>& result) {
    // What the host may break on purpose ends the guest, not the program; a vandal has company.
    if (!result && config_.fault != GuestFault::kVandal) {
        host_gone(result.error().what);
    }
}

void LoopbackGuest::crash(std::string text) {
    machine_->crash({.parameters = {0, 0, 0, 0, 0}, .text = std::move(text)});
    reset();
}

// VMBus.

void LoopbackGuest::interrupted() {
    for (uint32_t processor = 0; processor < pages_.size() && client_ && !over_; ++processor) {
        settle(take_messages(pages_[processor], processor));
        if (!client_ || over_) {
            return;  // A message made it crash or end: the pages are gone.
        }
        settle(take_events(pages_[processor]));
    }
}

void LoopbackGuest::message_answered(wire::HvStatus status) {
    if (!pump_) {
        return;
    }
    pump_->answered(status);
    settle(carry_out_effects());
}

Result<void> LoopbackGuest::take_messages(SynicPages& pages, uint32_t processor) {
    while (client_) {
        const auto taken = pages.take_message(wire::kVmbusSint);
        if (!taken) {
            break;
        }
        if (taken->end_of_message_due) {
            machine_->end_of_message(processor);
        }
        if (const auto handled = client_->handle_message(taken->message.payload);
            !handled && log_limit_.allow(loop::Loop::now())) {
            log(LogLevel::kDebug, config_.name, handled.error().what);
        }
        HVIS_CHECK(carry_out_effects());
    }
    return {};
}

Result<void> LoopbackGuest::take_events(SynicPages& pages) {
    for (const uint16_t flag : pages.take_events(wire::kVmbusSint)) {
        const Clocks now = clocks();
        HVIS_CHECK(ports_->interrupted(flag, now));
        after_packets(now);
    }
    return {};
}

void LoopbackGuest::after_packets(const Clocks& now) {
    services_.update(now);
    obey(services_.take_orders());
}

Result<void> LoopbackGuest::carry_out_effects() {
    for (const auto& effect : client_->take_effects()) {
        HVIS_CHECK(apply(effect));
    }
    pump_->post();
    if (ports_->open_count() == vm::kServiceKinds.size()) {
        fail_on_purpose();
    }
    return {};
}

void LoopbackGuest::fail_on_purpose() {
    if (config_.fault == GuestFault::kDies) {
        end(GuestEnd::kDied);
    } else if (config_.fault == GuestFault::kCrashes) {
        crash("Kernel panic - not syncing: this loopback guest is to crash");
    }
}

Result<void> LoopbackGuest::apply(const vmbus::ChannelClient::Effect& effect) {
    using Client = vmbus::ChannelClient;
    if (const auto* connected = std::get_if<Client::Connected>(&effect)) {
        version_ = connected->version;
        return client_->request_offers();
    }
    if (const auto* offered = std::get_if<Client::Offered>(&effect)) {
        return ports_->offered(offered->offer);
    }
    if (const auto* created = std::get_if<Client::GpadlCreated>(&effect)) {
        return ports_->gpadl_created(*created);
    }
    if (const auto* opened = std::get_if<Client::Opened>(&effect)) {
        const Clocks now = clocks();
        HVIS_CHECK(ports_->opened(*opened, now));
        after_packets(now);
        return {};
    }
    if (const auto* rescinded = std::get_if<Client::Rescinded>(&effect)) {
        return ports_->rescinded(rescinded->relid);
    }
    if (std::holds_alternative<Client::ContactFailed>(effect)) {
        return fail(Errc::kUnsupported, "host speaks none of our VMBus versions");
    }
    if (std::holds_alternative<Client::Unloaded>(effect)) {
        stop();
    }
    // All offers delivered, a GPADL torn down, a channel moved: nothing waits for these.
    return {};
}

// Shutting down.

void LoopbackGuest::obey(const std::vector<ic::ShutdownGuest::Order>& orders) {
    for (const auto& order : orders) {
        switch (order.kind) {
            case ic::ShutdownKind::kShutdown:
            case ic::ShutdownKind::kHibernate:
                leave(StopKind::kPowerOff);
                break;
            case ic::ShutdownKind::kRestart:
                leave(StopKind::kReset);
                break;
        }
    }
}

void LoopbackGuest::leave(StopKind kind) {
    if (leaving_ || over_) {
        return;
    }
    leaving_ = kind;
    if (!client_ || !client_->unload()) {
        stop();
        return;
    }
    pump_->post();
    unload_timer_ = loop_.add_timer(loop::Loop::now() + kUnloadTimeout, [this] {
        unload_timer_ = 0;
        stop();
    });
}

void LoopbackGuest::stop() {
    if (!leaving_) {
        return;
    }
    const StopKind kind = *leaving_;
    loop_.cancel_timer(std::exchange(unload_timer_, 0));
    machine_->stop(kind);
    if (kind == StopKind::kPowerOff) {
        end(GuestEnd::kPoweredOff);
    }
}

}  // namespace hvis::loopback

#include "worker/vm.h"

#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "worker/crash_text.h"
#include "worker/report.h"

namespace hvis::worker {
namespace {

wire::VmbusVersion newest_version(const Config& config) {
    if (!config.vmbus_max_version) {
        return wire::VmbusVersion::kWin10_5_3;
    }
    const auto number =
        (uint32_t{config.vmbus_max_version->major} << 16U) | config.vmbus_max_version->minor;
    return wire::vmbus_version_from_wire(number).value_or(wire::VmbusVersion::kWin10_5_3);
}

std::map<std::string, std::string> to_map(const std::vector<control::KvpPair>& pairs) {
    std::map<std::string, std::string> map;
    for (const auto& [key, value] : pairs) {
        map[key] = value;
    }
    return map;
}

}  // namespace

Result<std::unique_ptr<Vm>> Vm::create(const Config& config, loop::Loop& loop,
                                       control::EventLog& events) {
    std::unique_ptr<Vm> vm(new Vm(config, loop, events));
    HVIS_CHECK(vm->open());
    return vm;
}

Vm::Vm(const Config& config, loop::Loop& loop, control::EventLog& events)
    : config_(config),
      loop_(loop),
      recorder_(loop, events),
      waits_(
          loop, [this](control::Condition condition) { return reached(condition); },
          [this](control::Condition condition) { return missing_for(condition); }),
      watches_(
          loop, [this](control::Pool pool) { return list_for_watches(pool); },
          [this](control::Pool pool, const KvpChange& change) { kvp_changed(pool, change); }),
      policy_(config.heartbeat),
      external_(to_map(config.kvp_external)) {}

Vm::~Vm() {
    status_changed_ = nullptr;
    services_.reset();  // while what it tells us in its last moments is still there
    loop_.cancel_timer(crash_timer_);
    loop_.cancel_timer(address_timer_);
    if (stop_request_) {
        loop_.cancel_timer(stop_request_->timer);
    }
}

Result<void> Vm::open() {
    machine_ = HVIS_TRY(
        Machine::create(config_, loop_,
                        {.crashed = [this](const vm::CrashReport& report) { crashed(report); },
                         .stopped = [this](vm::StopReason reason) { stopped(reason); }}));
    vmbus_ = std::make_unique<vm::VmbusHost>(machine_->partition(), loop_, newest_version(config_),
                                             this);
    machine_->attach(*vmbus_);
    services_ = HVIS_TRY(vm::IntegrationServices::create(
        *vmbus_, machine_->partition(), loop_,
        {.heartbeat = to_ic(policy_),
         .enabled = {config_.services.heartbeat, config_.services.shutdown,
                     config_.services.timesync, config_.services.kvp}},
        // The services call back while they are being made; there is nothing to take from them yet.
        [this](ServiceKind kind) {
            if (services_) {
                service_changed(kind);
            }
        }));
    HVIS_CHECK(services_->kvp().set_parameters(host_parameters(config_)));
    return services_->kvp().set_external(external_);
}

Result<void> Vm::start() {
    HVIS_CHECK(machine_->start());
    record(control::EventId::kVmStarted, {{"processors", std::to_string(config_.processors)},
                                          {"memory", std::to_string(config_.memory)}});
    return {};
}

void Vm::record(control::EventId id, control::EventFields fields) {
    recorder_.record(id, std::move(fields));
    note_status_changed();  // most events are about one
}

void Vm::note_status_changed() const {
    if (status_changed_) {
        status_changed_();
    }
}

void Vm::request_stop(vm::StopReason reason) {
    machine_->request_stop(reason);
    note_status_changed();
}

void Vm::crashed(const vm::CrashReport& report) {
    crash_ = control::CrashState{.at = WallTime::from_system(std::chrono::system_clock::now()),
                                 .parameters = report.parameters,
                                 .text = report.text};
    crash_open_ = true;
    expect_recovery();
    if (++crash_reports_ > kMaxCrashReports) {
        return;
    }
    const auto parameter = [&](size_t index) {
        return fmt::format("{:#x}", report.parameters[index]);
    };
    record(control::EventId::kGuestCrashed,
           {{"text", std::string(crash_excerpt(report.text, control::EventLog::kMaxFieldBytes))},
            {"p0", parameter(0)},
            {"p1", parameter(1)},
            {"p2", parameter(2)},
            {"p3", parameter(3)},
            {"p4", parameter(4)}});
    waits_.check();
}

void Vm::expect_recovery() {
    if (!crash_open_ || crash_timer_ != 0) {
        return;
    }
    crash_timer_ = loop_.add_timer(loop::Loop::now() + kCrashGrace, [this] {
        crash_timer_ = 0;
        // A paused guest could not have come up again: its time begins anew when it is resumed.
        if (crash_open_ && machine_->state() != MachineState::kPaused) {
            request_stop(config_.on_crash == StopAction::kRestart ? vm::StopReason::kReset
                                                                  : vm::StopReason::kPowerOff);
        }
    });
}

void Vm::stopped(vm::StopReason reason) {
    loop_.cancel_timer(std::exchange(crash_timer_, 0));
    crash_reports_ = 0;
    const bool broke = reason == vm::StopReason::kFailure || reason == vm::StopReason::kTripleFault;
    if (power_off_asked_ && !broke) {
        reason = vm::StopReason::kPowerOff;
    }
    const Stop stop{.reason = reason,
                    .by = std::exchange(stopped_by_, StoppedBy::kGuest),
                    .crash_reported = std::exchange(crash_open_, false),
                    .restart_asked =
                        stop_request_ &&
                        stop_request_->command.action == control::ShutdownCommand::Action::kRestart,
                    .leaving = leaving_ || power_off_asked_,
                    .ran_for = machine_->uptime(loop::Loop::now()),
                    .on_crash = config_.on_crash,
                    .on_reset = config_.on_reset};
    vmbus_->reset();
    record_stop(stop);
    if (const AfterStop after = after_stop(stop); after.restart) {
        restart_machine();
    } else {
        end(ending_of(stop, after));
    }
}

void Vm::record_stop(const Stop& stop) {
    const std::string by(to_string(stop.by));
    switch (stop.reason) {
        case vm::StopReason::kFailure:
            record(control::EventId::kVmFailed, {{"reason", "the processors could not go on"}});
            break;
        case vm::StopReason::kTripleFault:
            record(control::EventId::kTripleFault,
                   {{"processor",
                     std::to_string(machine_->partition().faulted_processor().value_or(0))}});
            break;
        case vm::StopReason::kReset:
            record(control::EventId::kVmReset, {{"by", by}});
            break;
        case vm::StopReason::kPowerOff:
            record(control::EventId::kVmPoweredOff, {{"by", by}});
            break;
    }
}

void Vm::restart_machine() {
    if (const auto restarted = machine_->restart(); !restarted) {
        const std::string reason(restarted.error().what);
        record(control::EventId::kVmFailed, {{"reason", reason}});
        end({.state = Ending::State::kFailed, .reason = reason, .exit_status = kExitBroken});
        return;
    }
    sync_after_resume_ = false;
    services_->resumed();  // it may have been paused when it was reset
    facts_.reset();
    record(control::EventId::kVmStarted, {{"processors", std::to_string(config_.processors)},
                                          {"memory", std::to_string(config_.memory)}});
    for (auto& responder : std::exchange(machine_requests_, {})) {
        responder.done();
    }
    if (stop_request_) {
        loop_.cancel_timer(stop_request_->timer);
        auto responder = std::move(stop_request_->responder);
        const bool wanted =
            stop_request_->command.action == control::ShutdownCommand::Action::kRestart;
        stop_request_.reset();
        if (responder && wanted) {
            responder->done();
        } else if (responder) {
            responder->failed({.code = control::ErrorCode::kFailed,
                               .message = "the guest restarted instead of stopping",
                               .hint = {},
                               .pointer = {},
                               .outcome = {},
                               .guest_status = {}});
        }
    }
    waits_.check();
}

void Vm::end(Ending ending) {
    ending_ = std::move(ending);
    ended_ = true;
    machine_->ended(ending_.exit_status == kExitBroken);
    recorder_.report();
    record(control::EventId::kVmStopped, {{"reason", ending_.reason}});
    for (auto& responder : std::exchange(machine_requests_, {})) {
        responder.done();
    }
    if (stop_request_) {
        loop_.cancel_timer(std::exchange(stop_request_->timer, 0));
        if (auto responder = std::exchange(stop_request_->responder, std::nullopt)) {
            responder->done();
        }
        stop_request_.reset();
    }
    waits_.machine_stopped();
    watches_.machine_stopped();
    machine_->flush_console();
    loop_.stop();
}

void Vm::leave() {
    const auto cut_power = [this] {
        stopped_by_ = StoppedBy::kRequest;
        request_stop(vm::StopReason::kPowerOff);
    };
    const bool second = std::exchange(leaving_, true);
    if (second || machine_->state() != MachineState::kRunning) {
        cut_power();
        return;
    }
    if (stop_request_) {
        // The guest is on its way down already: only its time is limited now.
        loop_.cancel_timer(stop_request_->timer);
        stop_request_->timer = loop_.add_timer(loop::Loop::now() + kFarewell, cut_power);
        return;
    }
    const auto id = services_->shutdown().request({}, services_->clocks());
    if (!id) {
        log(LogLevel::kNotice, "vm", "the guest cannot be asked to shut down: power cut");
        cut_power();
        return;
    }
    log(LogLevel::kNotice, "vm", "asked the guest to shut down; a second signal cuts the power");
    stop_request_.emplace();
    stop_request_->id = *id;
    stop_request_->timer = loop_.add_timer(loop::Loop::now() + kFarewell, cut_power);
    services_->pump(ServiceKind::kShutdown);
}

void Vm::vmbus_connected(wire::VmbusVersion version) {
    if (machine_->state() == MachineState::kCrashed) {
        // A crash kernel has taken over: it will reset the machine when it is done.
        loop_.cancel_timer(std::exchange(crash_timer_, 0));
        machine_->recovered();
    }
    record(control::EventId::kVmbusConnected, {{"version", std::string(to_string(version))}});
    waits_.check();
}

void Vm::vmbus_disconnected(vmbus::DisconnectReason /*reason*/) {
    record(control::EventId::kVmbusDisconnected);
    waits_.check();
}

}  // namespace hvis::worker

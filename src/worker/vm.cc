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
      events_(events),
      waits_(
          loop, [this](control::Condition condition) { return reached(condition); },
          [this](control::Condition condition) { return missing_for(condition); }),
      policy_(config.heartbeat),
      external_(to_map(config.kvp_external)) {}

Vm::~Vm() {
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
    events_.record(id, std::move(fields), WallTime::from_system(std::chrono::system_clock::now()));
}

void Vm::crashed(const vm::CrashReport& report) {
    crash_ = control::CrashState{.at = WallTime::from_system(std::chrono::system_clock::now()),
                                 .parameters = report.parameters,
                                 .text = report.text};
    crash_open_ = true;
    if (crash_timer_ == 0) {
        crash_timer_ = loop_.add_timer(loop::Loop::now() + kCrashGrace, [this] {
            crash_timer_ = 0;
            if (crash_open_) {
                machine_->request_stop(config_.on_crash == StopAction::kRestart
                                           ? vm::StopReason::kReset
                                           : vm::StopReason::kPowerOff);
            }
        });
    }
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

void Vm::stopped(vm::StopReason reason) {
    loop_.cancel_timer(std::exchange(crash_timer_, 0));
    crash_reports_ = 0;
    if (power_off_asked_ && reason != vm::StopReason::kFailure) {
        reason = vm::StopReason::kPowerOff;
    }
    const bool crash = std::exchange(crash_open_, false) || reason == vm::StopReason::kTripleFault;
    const std::string by = std::exchange(stopped_by_, "guest");
    vmbus_->reset();
    switch (reason) {
        case vm::StopReason::kFailure:
            record(control::EventId::kVmFailed, {{"reason", "the processors could not go on"}});
            end(1);
            return;
        case vm::StopReason::kTripleFault:
            record(control::EventId::kTripleFault, {{"processor", "of unknown number"}});
            break;
        case vm::StopReason::kReset:
            record(control::EventId::kVmReset, {{"by", by}});
            break;
        case vm::StopReason::kPowerOff:
            record(control::EventId::kVmPoweredOff, {{"by", by}});
            end(crash ? 1 : 0);
            return;
    }
    const bool restart =
        crash ? config_.on_crash == StopAction::kRestart
              : by != "guest" || config_.on_reset == StopAction::kRestart ||
                    (stop_request_ &&
                     stop_request_->command.action == control::ShutdownCommand::Action::kRestart);
    if (!restart || leaving_) {
        end(crash ? 1 : 0);
        return;
    }
    restart_machine();
}

void Vm::restart_machine() {
    if (const auto restarted = machine_->restart(); !restarted) {
        record(control::EventId::kVmFailed, {{"reason", std::string(restarted.error().what)}});
        end(1);
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

void Vm::end(int status) {
    exit_status_ = status;
    ended_ = true;
    machine_->set_state(status == 0 ? MachineState::kStopped : MachineState::kCrashed);
    record(control::EventId::kVmStopped,
           {{"reason", status == 0 ? "it was switched off" : "it crashed or failed"}});
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
    machine_->flush_console();
    loop_.stop();
}

void Vm::leave() {
    const auto cut_power = [this] {
        stopped_by_ = "request";
        machine_->request_stop(vm::StopReason::kPowerOff);
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
        machine_->set_state(MachineState::kRunning);
    }
    record(control::EventId::kVmbusConnected, {{"version", std::string(to_string(version))}});
    waits_.check();
}

void Vm::vmbus_disconnected(vmbus::DisconnectReason /*reason*/) {
    record(control::EventId::kVmbusDisconnected);
    waits_.check();
}

}  // namespace hvis::worker

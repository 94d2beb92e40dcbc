// Crashes and stops, whoever wanted them, and what follows.

#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "worker/crash_text.h"
#include "worker/vm.h"

namespace hvis::worker {
namespace {

/// What was asked for did not happen, though the machine went on to something else.
control::Failure came_otherwise(std::string message) {
    return control::make_failure(control::ErrorCode::kFailed, std::move(message),
                                 "its console and its events may say more");
}

}  // namespace

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
    // One that a crash kernel has taken over from is not waited for.
    if (!crash_open_ || crash_timer_ != 0 || machine_->state() != MachineState::kCrashed) {
        return;
    }
    crash_timer_ = loop_.add_timer(loop::Loop::now() + kCrashGrace, [this] {
        crash_timer_ = 0;
        // A paused guest could not have come up again: its time begins anew when it is resumed.
        if (crash_open_ && machine_->state() == MachineState::kCrashed) {
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
        restart_later(rest_before_restart(stop));
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
                   {{"processor", std::to_string(machine_->faulted_processor().value_or(0))}});
            break;
        case vm::StopReason::kReset:
            record(control::EventId::kVmReset, {{"by", by}});
            break;
        case vm::StopReason::kPowerOff:
            record(control::EventId::kVmPoweredOff, {{"by", by}});
            break;
    }
}

void Vm::restart_later(Duration rest) {
    if (rest == Duration{}) {
        restart_machine();
        return;
    }
    machine_->resting();
    restart_timer_ = loop_.add_timer(loop::Loop::now() + rest, [this] {
        restart_timer_ = 0;
        restart_machine();
    });
    note_status_changed();
    waits_.check();
}

void Vm::restart_machine() {
    vmbus_->reset();  // what it had for the machine while it rested is over too
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
    for (auto& request : std::exchange(machine_requests_, {})) {
        request.responder.done();
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
            responder->failed(came_otherwise("the guest restarted instead of stopping"));
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
    const bool broken = ending_.exit_status == kExitBroken;
    const auto answer = [&](control::Responder responder, bool restart_wanted) {
        if (restart_wanted) {
            responder.failed(
                came_otherwise("the machine was not started again: " + ending_.reason));
        } else if (broken) {
            responder.failed(came_otherwise("the machine ended otherwise: " + ending_.reason));
        } else {
            responder.done();
        }
    };
    for (auto& request : std::exchange(machine_requests_, {})) {
        answer(std::move(request.responder), request.reset);
    }
    if (stop_request_) {
        loop_.cancel_timer(std::exchange(stop_request_->timer, 0));
        const bool restart =
            stop_request_->command.action == control::ShutdownCommand::Action::kRestart;
        if (auto responder = std::exchange(stop_request_->responder, std::nullopt)) {
            answer(*std::move(responder), restart);
        }
        stop_request_.reset();
    }
    waits_.machine_stopped();
    watches_.machine_stopped();
    machine_->flush_console();
    if (ended_listener_) {
        ended_listener_();
    }
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
    ic::ShutdownRequest request;
    request.answer_timeout = kFarewell;
    const auto id = services_->shutdown().request(request, services_->clocks());
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

}  // namespace hvis::worker

#include <chrono>
#include <utility>

#include "wire/timesync.h"
#include "worker/report.h"
#include "worker/vm.h"

namespace hvis::worker {
namespace {

control::Failure failed(std::string_view message, std::string_view hint) {
    return {.code = control::ErrorCode::kFailed,
            .message = std::string(message),
            .hint = std::string(hint),
            .pointer = {},
            .outcome = {},
            .guest_status = {}};
}

/// What the state of the machine does not allow.
control::Failure not_now(std::string_view message) {
    control::Failure failure = failed(message, "see its state with 'status'");
    failure.outcome = "conflict";
    return failure;
}

}  // namespace

void Vm::handle(const control::Command& command, control::Responder responder) {
    std::visit([&](const auto& each) { run(each, std::move(responder)); }, command);
}

control::StatusResult Vm::status() const {
    control::StatusResult result{.name = config_.name,
                                 .id = config_.id.to_string(),
                                 .state = std::string(to_string(machine_->state())),
                                 .uptime = std::chrono::duration_cast<control::Milliseconds>(
                                     machine_->uptime(loop::Loop::now())),
                                 .processors = config_.processors,
                                 .memory = config_.memory,
                                 .vmbus_version = {},
                                 .guest = facts_,
                                 .crash = crash_,
                                 .exits = 0,
                                 .services = {}};
    if (const auto version = vmbus_->version()) {
        result.vmbus_version = to_string(*version);
    }
    for (const auto& [reason, count] : machine_->exits()) {
        result.exits += count;
    }
    for (const ServiceKind kind : vm::kServiceKinds) {
        result.services.push_back(service_state(*services_, kind));
    }
    return result;
}

void Vm::run(const control::StatusCommand& /*command*/, control::Responder responder) {
    responder.done(status());
}

void Vm::run(const control::StatsCommand& /*command*/, control::Responder responder) {
    control::StatsResult result;
    result.exits = machine_->exits();
    result.counters = machine_->counters();
    add_measurements(result, *services_);
    for (const ServiceKind kind : vm::kServiceKinds) {
        const auto& device = services_->device(kind);
        const std::string name(to_string(kind));
        result.counters.emplace_back(name + ".bytes_received", device.bytes_received());
        result.counters.emplace_back(name + ".bytes_sent", device.bytes_sent());
        result.counters.emplace_back(name + ".kicks", device.kicks());
        result.counters.emplace_back(name + ".packets_received", device.packets_received());
        result.counters.emplace_back(name + ".packets_rejected", device.rejected_packets());
        result.counters.emplace_back(name + ".packets_sent", device.packets_sent());
    }
    result.counters.emplace_back("vmbus.messages_rejected", vmbus_->rejected_messages());
    responder.done(result);
}

void Vm::run(const control::MachineCommand& command, control::Responder responder) {
    using Action = control::MachineCommand::Action;
    switch (command.action) {
        case Action::kPause:
            pause(std::move(responder));
            return;
        case Action::kResume:
            resume(std::move(responder));
            return;
        case Action::kReset:
        case Action::kPowerOff:
            stopped_by_ = StoppedBy::kRequest;
            crash_open_ = false;
            power_off_asked_ = power_off_asked_ || command.action == Action::kPowerOff;
            machine_requests_.push_back(
                {.reset = command.action == Action::kReset, .responder = std::move(responder)});
            request_stop(command.action == Action::kReset ? vm::StopReason::kReset
                                                          : vm::StopReason::kPowerOff);
            return;
    }
}

void Vm::pause(control::Responder responder) {
    const bool was_paused = machine_->state() == MachineState::kPaused;
    if (const auto paused = machine_->pause(); !paused) {
        responder.failed(not_now(paused.error().what));
        return;
    }
    if (!was_paused) {
        paused_at_ = loop::Loop::now();
        services_->paused();
        record(control::EventId::kVmPaused);
    }
    responder.done();
}

void Vm::resume(control::Responder responder) {
    const bool was_paused = machine_->state() == MachineState::kPaused;
    if (const auto resumed = machine_->resume(); !resumed) {
        responder.failed(not_now(resumed.error().what));
        return;
    }
    if (was_paused) {
        sync_after_resume_ = true;
        services_->resumed();
        // Whoever told the worker to leave waits no longer for a machine that was paused meanwhile.
        if (stop_request_ && !leaving_) {
            await_stop(stop_request_->deadline + (loop::Loop::now() - paused_at_));
        }
        loop_.cancel_timer(std::exchange(crash_timer_, 0));
        expect_recovery();
        record(control::EventId::kVmResumed);
    }
    responder.done();
}

void Vm::run(const control::WaitCommand& command, control::Responder responder) {
    waits_.add(command, std::move(responder));
    poll_facts();
}

bool Vm::reached(control::Condition condition) const {
    const MachineState state = machine_->state();
    switch (condition) {
        case control::Condition::kRunning:
            return state == MachineState::kRunning;
        case control::Condition::kHeartbeat:
            return services_->report(ServiceKind::kHeartbeat).primary == ic::Primary::kOk;
        case control::Condition::kKvp:
            return services_->report(ServiceKind::kKvp).message.has_value();
        case control::Condition::kIp:
            return facts_ && !(facts_->ipv4.empty() && facts_->ipv6.empty());
        case control::Condition::kStopped:
            return ended_;
    }
    return false;
}

std::string Vm::missing_for(control::Condition condition) const {
    switch (condition) {
        case control::Condition::kHeartbeat:
            return services_->report(ServiceKind::kHeartbeat).explanation;
        case control::Condition::kKvp:
            return services_->report(ServiceKind::kKvp).explanation;
        case control::Condition::kIp:
            return facts_ ? "the guest has published no address"
                          : services_->report(ServiceKind::kKvp).explanation;
        case control::Condition::kRunning:
        case control::Condition::kStopped:
            break;
    }
    return std::string("the machine is ").append(to_string(machine_->state()));
}

void Vm::run(const control::ServiceListCommand& /*command*/, control::Responder responder) {
    responder.done(control::ServiceListResult{.services = status().services});
}

void Vm::run(const control::ServiceSwitchCommand& command, control::Responder responder) {
    const ServiceKind kind = worker::kind_of(command.service);
    const bool was_enabled = services_->is_enabled(kind);
    if (const auto switched = services_->set_enabled(kind, command.enable); !switched) {
        responder.failed(failed(switched.error().what, {}));
        return;
    }
    if (was_enabled != command.enable) {
        record(
            command.enable ? control::EventId::kServiceEnabled : control::EventId::kServiceDisabled,
            {{"service", std::string(to_string(kind))}});
    }
    responder.done();
}

void Vm::watch_cancel(RequestMap& requests, ServiceKind kind, ic::RequestId id) {
    requests.at(id).responder.on_cancelled([this, &requests, kind, id] {
        // After this callback: the responder that runs it dies with its entry.
        later_.run([this, &requests, kind, id] {
            if (requests.erase(id) == 0) {
                return;
            }
            // Fails only if it has just ended by itself.
            if (kind == ServiceKind::kKvp) {
                (void)services_->kvp().cancel(id, services_->clocks());
            } else {
                (void)services_->timesync().cancel(id, services_->clocks());
            }
            services_->pump(kind);
        });
    });
}

void Vm::run(const control::TimeShowCommand& /*command*/, control::Responder responder) {
    const auto& timesync = services_->timesync();
    const auto state = service_state(*services_, ServiceKind::kTimesync);
    control::TimeResult result{.host_time = services_->clocks().wall,
                               .last_sync = timesync.last_sync(),
                               .last_sample = timesync.last_sample(),
                               .syncs = timesync.counters().syncs,
                               .samples = timesync.counters().samples,
                               .reference_time = {},
                               .guest_offset = {},
                               .service = state};
    if (const auto version = services_->report(ServiceKind::kTimesync).message) {
        result.reference_time = *version >= wire::kTimeSyncReferenceVersion;
    }
    if (const auto offset = timesync.guest_offset()) {
        result.guest_offset = std::chrono::duration_cast<std::chrono::microseconds>(*offset);
    }
    responder.done(result);
}

void Vm::run(const control::TimeSyncCommand& command, control::Responder responder) {
    const auto id = services_->timesync().sync_now(command.timeout, services_->clocks());
    if (!id) {
        responder.failed(refused_at_once(id.error(), services_->report(ServiceKind::kTimesync)));
        return;
    }
    time_requests_.emplace(*id, GuestRequest{std::move(responder), command});
    watch_cancel(time_requests_, ServiceKind::kTimesync, *id);
    services_->pump(ServiceKind::kTimesync);
}

void Vm::run(const control::HeartbeatShowCommand& /*command*/, control::Responder responder) {
    const auto& heartbeat = services_->heartbeat();
    responder.done(
        control::HeartbeatResult{.policy = policy_,
                                 .service = service_state(*services_, ServiceKind::kHeartbeat),
                                 .sent = heartbeat.counters().sent,
                                 .answered = heartbeat.counters().answered,
                                 .missed = heartbeat.missed_of_window(),
                                 .attempts_used = loss_action_.attempts_used(),
                                 .last_answer = heartbeat.last_answer()});
}

void Vm::run(const control::HeartbeatSetCommand& command, control::Responder responder) {
    const auto policy = command.change.applied_to(policy_);
    if (const auto set = services_->heartbeat().set_policy(to_ic(policy), services_->clocks());
        !set) {
        responder.failed(refused_at_once(set.error(), services_->report(ServiceKind::kHeartbeat)));
        return;
    }
    const bool acts_otherwise = policy.on_loss != policy_.on_loss;
    policy_ = policy;
    loss_action_.forget();
    services_->pump(ServiceKind::kHeartbeat);
    responder.done(control::HeartbeatSetResult{.policy = policy_});
    // A guest that is lost already is not lost again: without this the policy would never apply to
    // it. A machine that is paused, or on its way down, is not judged.
    if (acts_otherwise && services_->heartbeat().health() == ic::GuestHealth::kLost &&
        machine_->state() == MachineState::kRunning) {
        act_on_loss();
    }
}

// The server answers these itself; they never reach the VM.
void Vm::run(const control::EventsListCommand& /*command*/, control::Responder responder) {
    responder.failed(failed("events are the server's to list", {}));
}
void Vm::run(const control::EventsSubscribeCommand& /*command*/, control::Responder responder) {
    responder.failed(failed("events are the server's to send", {}));
}
void Vm::run(const control::StatusSubscribeCommand& /*command*/, control::Responder responder) {
    responder.failed(failed("statuses are the server's to send", {}));
}
void Vm::run(const control::CancelCommand& /*command*/, control::Responder responder) {
    responder.failed(failed("requests are the server's to cancel", {}));
}

}  // namespace hvis::worker

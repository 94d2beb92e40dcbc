// Shutdown, restart and hibernation: asked of the guest, answered when it is done.

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "control/busy.h"
#include "worker/report.h"
#include "worker/vm.h"

namespace hvis::worker {

using control::EventId;

namespace {

ic::ShutdownKind kind_of(control::ShutdownCommand::Action action) {
    switch (action) {
        case control::ShutdownCommand::Action::kShutdown:
            return ic::ShutdownKind::kShutdown;
        case control::ShutdownCommand::Action::kRestart:
            return ic::ShutdownKind::kRestart;
        case control::ShutdownCommand::Action::kHibernate:
            return ic::ShutdownKind::kHibernate;
    }
    return ic::ShutdownKind::kShutdown;
}

}  // namespace

void Vm::run(const control::ShutdownCommand& command, control::Responder responder) {
    if (stop_request_) {
        responder.failed(control::already_in_progress(
            "a shutdown, restart or hibernation is already in progress",
            "wait for it, or use 'power-off'"));
        return;
    }
    const auto id = services_->shutdown().request(
        {.kind = kind_of(command.action),
         .force = command.force ? ic::ShutdownForce::kYes : ic::ShutdownForce::kNo,
         .reason = command.reason,
         .message = command.message,
         .guest_timeout = command.timeout,
         .answer_timeout =
             std::min<Duration>(command.timeout, ic::ShutdownHost::kMaxAnswerTimeout)},
        services_->clocks());
    if (!id) {
        responder.failed(refused_at_once(id.error(), services_->report(ServiceKind::kShutdown)));
        return;
    }
    record(control::EventId::kShutdownRequested,
           {{"action", std::string(shutdown_word(kind_of(command.action)))},
            {"timeout_ms", std::to_string(command.timeout.count())}});
    responder.on_cancelled([this] {
        if (stop_request_ && stop_request_->id != 0) {
            // What the guest has been asked cannot be taken back; only nobody waits any more.
            (void)services_->shutdown().cancel(stop_request_->id, services_->clocks());
            // Not from inside this callback: the responder that runs it dies with the request.
            later_.run([this] { services_->pump(ServiceKind::kShutdown); });
        }
    });
    stop_request_.emplace(
        StopRequest{.command = command, .id = *id, .responder = std::move(responder)});
    await_stop(loop::Loop::now() + command.timeout);
    services_->pump(ServiceKind::kShutdown);
}

void Vm::await_stop(TimePoint deadline) {
    loop_.cancel_timer(stop_request_->timer);
    stop_request_->deadline = deadline;
    stop_request_->timer = loop_.add_timer(deadline, [this] { stop_request_timed_out(); });
}

void Vm::record_stop_timed_out() {
    record(control::EventId::kShutdownTimedOut,
           {{"action", std::string(shutdown_word(kind_of(stop_request_->command.action)))},
            {"timeout_ms", std::to_string(stop_request_->command.timeout.count())}});
}

void Vm::stop_request_timed_out() {
    record_stop_timed_out();
    if (stop_request_->responder) {
        stop_request_->responder->failed({.code = control::ErrorCode::kTimedOut,
                                          .message = stop_request_->id == 0
                                                         ? "the guest agreed, but is not down yet"
                                                         : "the guest did not answer in time",
                                          .hint = "look at its console; 'power-off' cuts the power",
                                          .pointer = {},
                                          .outcome = std::string(to_string(ic::Outcome::kTimedOut)),
                                          .guest_status = {}});
    }
    const ic::RequestId id = stop_request_->id;
    stop_request_.reset();
    if (id != 0) {
        (void)services_->shutdown().cancel(id, services_->clocks());
    }
}

void Vm::take_shutdown() {
    for (const auto& finished : services_->shutdown().take_effects()) {
        if (!stop_request_ || stop_request_->id != finished.id) {
            continue;
        }
        stop_request_->id = 0;
        const std::string action(shutdown_word(finished.kind));
        if (finished.outcome == ic::Outcome::kDone) {
            record(EventId::kShutdownAccepted, {{"action", action}});
            continue;  // answered when the machine has stopped
        }
        if (finished.outcome == ic::Outcome::kRefused) {
            record(EventId::kShutdownRefused,
                   {{"action", action}, {"status", fmt::format("{:#010x}", finished.status)}});
        } else if (finished.outcome == ic::Outcome::kTimedOut && !leaving_) {
            record_stop_timed_out();
        }
        if (auto responder = std::exchange(stop_request_->responder, std::nullopt)) {
            responder->failed(failure_of(finished.outcome, finished.status,
                                         services_->report(ServiceKind::kShutdown)));
        }
        if (leaving_ && finished.outcome == ic::Outcome::kTimedOut) {
            continue;  // That was the client's patience. The guest has until the farewell's timer.
        }
        loop_.cancel_timer(stop_request_->timer);
        stop_request_.reset();
        if (leaving_) {
            stopped_by_ = StoppedBy::kRequest;
            request_stop(vm::StopReason::kPowerOff);
        }
    }
}

}  // namespace hvis::worker

#include <algorithm>
#include <chrono>
#include <utility>

#include "worker/report.h"
#include "worker/vm.h"

namespace hvis::worker {

using control::EventId;

void Vm::service_changed(ServiceKind kind) {
    switch (kind) {
        case ServiceKind::kHeartbeat:
            take_heartbeat();
            break;
        case ServiceKind::kShutdown:
            take_shutdown();
            break;
        case ServiceKind::kTimesync:
            take_timesync();
            break;
        case ServiceKind::kKvp:
            take_kvp();
            break;
    }
    note_status(kind);
    note_rejected(kind);
    waits_.check();
}

void Vm::note_status(ServiceKind kind) {
    Noted& noted = noted_[static_cast<size_t>(kind)];
    const ic::ServiceReport report = services_->report(kind);
    if (noted.report != report) {
        noted.report = report;
        note_status_changed();
    }
    const std::string name(to_string(kind));
    const bool negotiated = report.message.has_value();
    if (negotiated != std::exchange(noted.negotiated, negotiated)) {
        if (negotiated) {
            record(EventId::kServiceNegotiated,
                   {{"service", name},
                    {"framework", version_text(report.framework.value_or(ic::Version{}))},
                    {"message", version_text(*report.message)}});
            if (kind == ServiceKind::kKvp) {
                refresh_facts();
            }
        } else {
            if (services_->is_enabled(kind)) {
                record(EventId::kServiceDisconnected, {{"service", name}});
            }
            if (kind == ServiceKind::kKvp) {
                facts_.reset();  // What connects next may be another system.
            }
        }
    }
    const bool mismatch = report.secondary == ic::Secondary::kProtocolMismatch;
    if (mismatch && !std::exchange(noted.mismatch, mismatch)) {
        record(EventId::kServiceMismatch, {{"service", name}});
    }
    noted.mismatch = mismatch;
}

void Vm::note_rejected(ServiceKind kind) {
    Noted& noted = noted_[static_cast<size_t>(kind)];
    const uint64_t rejected = services_->device(kind).rejected_packets();
    if (rejected == noted.rejected || !rejected_limit_.allow(loop::Loop::now())) {
        return;
    }
    const uint64_t suppressed = rejected - noted.rejected - 1;
    noted.rejected = rejected;
    record(EventId::kGuestMessageRejected, {{"service", std::string(to_string(kind))},
                                            {"reason", "it breaks the protocol"},
                                            {"suppressed", std::to_string(suppressed)}});
}

void Vm::take_heartbeat() {
    for (const auto& effect : services_->heartbeat().take_effects()) {
        if (const auto* change = std::get_if<ic::HeartbeatHost::ApplicationsChanged>(&effect)) {
            // A guest that is reset, or whose heartbeat is disabled, says nothing: it is not
            // healthy.
            if (change->to == ic::Applications::kCritical) {
                application_critical_ = true;
                record(EventId::kApplicationCritical);
            } else if (change->to == ic::Applications::kHealthy &&
                       std::exchange(application_critical_, false)) {
                record(EventId::kApplicationHealthy);
            }
            continue;
        }
        if (const auto* stall = std::get_if<ic::HeartbeatHost::HostStalled>(&effect)) {
            const auto late = std::chrono::duration_cast<std::chrono::milliseconds>(stall->late);
            record(EventId::kHostStallNoticed, {{"late_ms", std::to_string(late.count())}});
            continue;
        }
        const auto& change = std::get<ic::HeartbeatHost::HealthChanged>(effect);
        const TimePoint now = loop::Loop::now();
        if (change.to == ic::GuestHealth::kLost) {
            lost_since_ = now;
            const auto& heartbeat = services_->heartbeat();
            record(EventId::kHeartbeatLost,
                   {{"missed", std::to_string(heartbeat.missed_of_window())},
                    {"window", std::to_string(heartbeat.judged_of_window())}});
            act_on_loss();
        } else if (change.to == ic::GuestHealth::kAlive) {
            loss_action_.heartbeat_regained(now);
            if (change.from == ic::GuestHealth::kLost) {
                const auto silent =
                    std::chrono::duration_cast<std::chrono::milliseconds>(now - lost_since_);
                record(EventId::kHeartbeatRegained,
                       {{"silent_ms", std::to_string(silent.count())}});
            }
        }
    }
}

void Vm::act_on_loss() {
    if (crash_timer_ != 0) {
        return;  // It has said itself that it crashed: `on_crash` decides, or a crash kernel comes.
    }
    const auto verdict = loss_action_.heartbeat_lost(policy_, loop::Loop::now());
    const auto act = [this](std::string_view action, vm::StopReason reason) {
        record(EventId::kLossActionTaken,
               {{"action", std::string(action)},
                {"attempt", std::to_string(loss_action_.attempts_used())},
                {"attempts", std::to_string(policy_.attempts)}});
        stopped_by_ = StoppedBy::kHeartbeat;
        request_stop(reason);
    };
    switch (verdict) {
        case LossAction::Verdict::kNothing:
            break;
        case LossAction::Verdict::kReset:
            act("reset", vm::StopReason::kReset);
            break;
        case LossAction::Verdict::kPowerOff:
            act("power_off", vm::StopReason::kPowerOff);
            break;
        case LossAction::Verdict::kExhausted:
            record(EventId::kLossAttemptsExhausted,
                   {{"attempts", std::to_string(policy_.attempts)}});
            break;
    }
}

void Vm::take_timesync() {
    const auto finished_requests = services_->timesync().take_effects();
    if (const auto synced = services_->timesync().last_sync(); synced != synced_) {
        synced_ = synced;
        const bool asked = std::ranges::any_of(
            finished_requests, [](const auto& each) { return each.outcome == ic::Outcome::kDone; });
        const bool after_resume = std::exchange(sync_after_resume_, false);
        record(EventId::kTimeSynced,
               {{"reason", asked ? "request" : (after_resume ? "resumed" : "connected")}});
    }
    if (const auto offset = services_->timesync().take_noticed_offset()) {
        const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(*offset);
        record(EventId::kTimeOffset, {{"offset_ms", std::to_string(ms.count())}});
    }
    for (const auto& finished : finished_requests) {
        auto node = time_requests_.extract(finished.id);
        if (node.empty()) {
            continue;
        }
        if (finished.outcome == ic::Outcome::kDone) {
            node.mapped().responder.done();
        } else {
            node.mapped().responder.failed(failure_of(finished.outcome, finished.status,
                                                      services_->report(ServiceKind::kTimesync)));
        }
    }
}

}  // namespace hvis::worker

#include "ic/heartbeat_host.h"

#include <algorithm>
#include <string>

#include "ic/service_versions.h"
#include "wire/heartbeat.h"

namespace hvis::ic {
namespace {

constexpr SessionProfile kProfile{.type = wire::IcMessageType::kHeartbeat,
                                  .versions = kHeartbeatVersions};

constexpr Duration kLeastTolerance = std::chrono::milliseconds(20);
constexpr Duration kMostTolerance = std::chrono::milliseconds(500);

/// "Stopped" and numbers that we do not know say nothing that an administrator could act on.
Applications applications_from_wire(uint32_t state) {
    if (state == std::to_underlying(wire::ApplicationState::kHealthy)) {
        return Applications::kHealthy;
    }
    if (state == std::to_underlying(wire::ApplicationState::kCritical)) {
        return Applications::kCritical;
    }
    return Applications::kUnknown;
}

std::string_view alive_sentence(Applications applications) {
    switch (applications) {
        case Applications::kUnknown:
            return "the guest answers; nothing in it reports on applications";
        case Applications::kHealthy:
            return "the guest answers and its applications are healthy";
        case Applications::kCritical:
            return "the guest answers, but an application in it is in a critical state: look at "
                   "the application";
    }
    return "";
}

}  // namespace

std::string_view to_string(GuestHealth health) {
    switch (health) {
        case GuestHealth::kUnknown:
            return "unknown";
        case GuestHealth::kAlive:
            return "alive";
        case GuestHealth::kLost:
            return "lost";
    }
    return "";
}

Result<void> check_policy(const HeartbeatPolicy& policy) {
    if (policy.interval < HeartbeatPolicy::kMinInterval ||
        policy.interval > HeartbeatPolicy::kMaxDuration) {
        return fail(Errc::kInvalid, "the heartbeat interval must be 100 ms to 1 h");
    }
    if (policy.latency <= Duration::zero() || policy.latency > HeartbeatPolicy::kMaxDuration) {
        return fail(Errc::kInvalid, "the heartbeat latency must be above 0 and at most 1 h");
    }
    if (policy.grace < Duration::zero() || policy.grace > HeartbeatPolicy::kMaxDuration) {
        return fail(Errc::kInvalid, "the heartbeat grace must be 0 to 1 h");
    }
    if (policy.misses == 0 || policy.misses > policy.window ||
        policy.window > HeartbeatPolicy::kMaxWindow) {
        return fail(Errc::kInvalid, "heartbeat misses must be N of M with 1 <= N <= M <= 100");
    }
    return {};
}

void HeartbeatHost::RoundTrips::add(Duration took) {
    const auto us = static_cast<uint64_t>(
        std::max<int64_t>(std::chrono::duration_cast<std::chrono::microseconds>(took).count(), 0));
    const auto bucket = std::ranges::lower_bound(kBoundsUs, us) - kBoundsUs.begin();
    ++counts[static_cast<size_t>(bucket)];
    sum_us += us;
}

HeartbeatHost::HeartbeatHost(const HeartbeatPolicy& policy, std::optional<Version> newest)
    : policy_(check_policy(policy) ? policy : HeartbeatPolicy{}), session_(kProfile, newest) {}

void HeartbeatHost::channel_opened(const Clocks& clocks) {
    stop();
    session_.opened(clocks.now);
    settle(clocks);
}

void HeartbeatHost::channel_closed(const Clocks& clocks) {
    stop();
    session_.closed();
    set_health(GuestHealth::kUnknown);
    set_applications(Applications::kUnknown);
    settle(clocks);
}

/// From now on it is judged as a guest that does not answer: one that breaks its channel is in
/// trouble, and must not escape the policy by it.
void HeartbeatHost::channel_broken(const Clocks& clocks) {
    session_.broken();
    set_applications(Applications::kUnknown);
    if (!next_beat_at_) {
        start(clocks.now);
    }
    settle(clocks);
}

void HeartbeatHost::paused(const Clocks& clocks) {
    session_.paused(clocks.now);
    stop();
    settle(clocks);
}

void HeartbeatHost::resumed(const Clocks& clocks) {
    if (!session_.is_paused()) {
        return;
    }
    session_.resumed(clocks.now);
    start(clocks.now);
    settle(clocks);
}

void HeartbeatHost::set_enabled(bool enabled, const Clocks& clocks) {
    if (enabled == session_.enabled()) {
        settle(clocks);
        return;
    }
    session_.set_enabled(enabled);
    if (enabled) {
        start(clocks.now);
    } else {
        stop();
        set_health(GuestHealth::kUnknown);
        set_applications(Applications::kUnknown);
    }
    settle(clocks);
}

Result<void> HeartbeatHost::set_policy(const HeartbeatPolicy& policy, const Clocks& clocks) {
    HVIS_CHECK(check_policy(policy));
    policy_ = policy;
    while (answers_.size() > policy_.window) {
        answers_.pop_front();
    }
    if (next_beat_at_) {
        next_beat_at_ = std::min(*next_beat_at_, clocks.now + policy_.interval);
    }
    settle(clocks);
    return {};
}

Result<void> HeartbeatHost::packet_received(ByteView packet, const Clocks& clocks) {
    const auto received = HVIS_TRY(session_.receive(packet, clocks.now));
    Result<void> result;
    if (received.event == HostSession::Event::kNegotiated) {
        start(clocks.now);
    } else if (received.event == HostSession::Event::kReply) {
        result = beat_answered(received, clocks.now);
        if (result) {
            answered_at_ = clocks.now;
            last_answer_ = clocks.wall;
        }
    }
    settle(clocks);
    return result;
}

Result<void> HeartbeatHost::beat_answered(const HostSession::Received& reply, TimePoint now) {
    if (reply.status != wire::kIcOk) {
        return fail(Errc::kProtocol, "the guest answered a heartbeat with an error");
    }
    const auto beat = HVIS_TRY(wire::parse_heartbeat(reply.body));
    if (beat.sequence != sequence_ + 1) {
        return fail(Errc::kProtocol, "heartbeat answer with a wrong sequence number");
    }
    set_applications(applications_from_wire(beat.application_state));
    if (!awaiting_) {
        ++counters_.late;
        return {};
    }
    awaiting_ = false;
    judge_at_.reset();
    voided_in_a_row_ = 0;
    ++counters_.answered;
    round_trips_.add(now - sent_at_);
    judge(true);
    return {};
}

void HeartbeatHost::timer_fired(const Clocks& clocks) {
    session_.timer_fired(clocks.now);
    const auto due = earlier(judge_at_, next_beat_at_);
    if (due && clocks.now >= *due) {
        const bool host_stalled = clocks.now - *due > stall_tolerance();
        if (host_stalled) {
            effects_.emplace_back(HostStalled{.late = clocks.now - *due});
        }
        if (judge_at_ && (host_stalled || clocks.now >= *judge_at_)) {
            awaiting_ = false;
            judge_at_.reset();
            if (host_stalled) {
                ++counters_.voided;
                ++voided_in_a_row_;
            } else {
                voided_in_a_row_ = 0;
                session_.note_silence();
                if (clocks.now >= grace_until_) {
                    ++counters_.missed;
                    judge(false);
                }
            }
        }
        if (clocks.now >= *next_beat_at_) {
            beat(clocks.now);
        }
    }
    settle(clocks);
}

std::optional<TimePoint> HeartbeatHost::next_deadline() const {
    return earlier(session_.next_deadline(), earlier(judge_at_, next_beat_at_));
}

std::optional<Bytes> HeartbeatHost::next_packet(const Clocks& clocks) {
    if (auto offer = session_.next_offer(clocks.now)) {
        return offer;
    }
    if (!beat_due_ || !session_.can_begin()) {
        return std::nullopt;
    }
    beat_due_ = false;
    sent_at_ = clocks.now;
    ++counters_.sent;
    return session_.begin(wire::format_heartbeat({.sequence = sequence_}));
}

/// Begins to beat, if all that it needs is there, with a new grace period.
void HeartbeatHost::start(TimePoint now) {
    const bool connected = session_.ready() || session_.is_broken();
    if (!connected || !session_.enabled() || session_.is_paused()) {
        return;
    }
    answers_.clear();
    regained_ = 0;
    grace_until_ = now + policy_.grace;
    beat(now);
}

void HeartbeatHost::stop() {
    session_.forget();
    beat_due_ = false;
    awaiting_ = false;
    judge_at_.reset();
    next_beat_at_.reset();
    answers_.clear();
    voided_in_a_row_ = 0;
}

void HeartbeatHost::beat(TimePoint now) {
    session_.forget();
    ++sequence_;
    beat_due_ = true;
    awaiting_ = true;
    judge_at_ = now + std::min(policy_.latency, policy_.interval);
    next_beat_at_ = now + policy_.interval;
}

void HeartbeatHost::judge(bool answered) {
    answers_.push_back(answered);
    if (answers_.size() > policy_.window) {
        answers_.pop_front();
    }
    regained_ = answered ? regained_ + 1 : 0;
    if (health_ == GuestHealth::kLost) {
        if (regained_ >= kAnswersToRegain) {
            answers_.clear();
            set_health(GuestHealth::kAlive);
        }
        return;
    }
    if (answered) {
        set_health(GuestHealth::kAlive);
    } else if (std::ranges::count(answers_, false) >= policy_.misses) {
        regained_ = 0;
        set_health(GuestHealth::kLost);
    }
}

void HeartbeatHost::set_health(GuestHealth health) {
    const auto before = std::exchange(health_, health);
    if (before != health) {
        effects_.emplace_back(HealthChanged{.from = before, .to = health});
    }
}

void HeartbeatHost::set_applications(Applications applications) {
    const auto before = std::exchange(applications_, applications);
    if (before != applications) {
        effects_.emplace_back(ApplicationsChanged{.from = before, .to = applications});
    }
}

Duration HeartbeatHost::stall_tolerance() const {
    return std::clamp(policy_.latency / 2, kLeastTolerance, kMostTolerance);
}

void HeartbeatHost::settle(const Clocks& clocks) { status_.update(judgement().primary, clocks); }

ServiceReport HeartbeatHost::report(const Clocks&) const {
    auto report = judgement();
    report.since = status_.since();
    return report;
}

ServiceReport HeartbeatHost::judgement() const {
    auto report = session_.report();
    if (report.primary != Primary::kOk) {
        return report;
    }
    if (voided_in_a_row_ >= kVoidedInARow && health_ != GuestHealth::kLost) {
        report.primary = Primary::kDegraded;
        // Without their number, which would make a new report of each beat.
        report.explanation = "the host is too busy to judge the guest: it was late itself for " +
                             std::to_string(kVoidedInARow) +
                             " heartbeats in a row or more, which do not count: give it less to do";
        return report;
    }
    switch (health_) {
        case GuestHealth::kUnknown:
            report.primary = Primary::kNoContact;
            report.explanation = "the guest has the driver and has not answered yet: wait a moment";
            break;
        case GuestHealth::kAlive:
            report.applications = applications_;
            report.secondary = applications_ == Applications::kCritical
                                   ? Secondary::kApplicationCritical
                                   : Secondary::kOk;
            report.explanation = alive_sentence(applications_);
            break;
        case GuestHealth::kLost:
            report.primary = Primary::kLostCommunication;
            report.secondary = Secondary::kCommunicationTimedOut;
            report.explanation = "the guest missed " + std::to_string(policy_.misses) +
                                 " of its last " + std::to_string(policy_.window) +
                                 " heartbeats: look at its console, and reset it if it hangs";
            break;
    }
    return report;
}

}  // namespace hvis::ic

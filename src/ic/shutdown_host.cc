#include "ic/shutdown_host.h"

#include <algorithm>
#include <limits>

#include "ic/service_versions.h"

namespace hvis::ic {
namespace {

constexpr SessionProfile kProfile{.type = wire::IcMessageType::kShutdown,
                                  .versions = kShutdownVersions};

/// Linux: the commits that added SD_VERSION_3_1 and SD_VERSION_3_2.
constexpr Version kRestartVersion{3, 1};
constexpr Version kHibernateVersion{3, 2};

uint32_t flags_of(const ShutdownRequest& request) {
    const uint32_t force = request.force == ShutdownForce::kYes ? wire::kShutdownForce : 0;
    switch (request.kind) {
        case ShutdownKind::kShutdown:
            return force;
        case ShutdownKind::kRestart:
            return wire::kShutdownRestart | force;
        case ShutdownKind::kHibernate:
            return wire::kShutdownHibernate | force;
    }
    return force;
}

uint32_t seconds_of(Duration duration) {
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(duration).count();
    return static_cast<uint32_t>(
        std::clamp<int64_t>(seconds, 0, std::numeric_limits<uint32_t>::max()));
}

}  // namespace

ShutdownHost::ShutdownHost(std::optional<Version> newest) : session_(kProfile, newest) {}

void ShutdownHost::channel_opened(const Clocks& clocks) {
    finish(Outcome::kGuestNotConnected, wire::kIcOk, clocks);
    session_.opened(clocks.now);
    settle(clocks);
}

void ShutdownHost::channel_closed(const Clocks& clocks) {
    finish(Outcome::kGuestNotConnected, wire::kIcOk, clocks);
    session_.closed();
    settle(clocks);
}

void ShutdownHost::channel_broken(const Clocks& clocks) {
    finish(Outcome::kGuestNotConnected, wire::kIcOk, clocks);
    session_.broken();
    settle(clocks);
}

void ShutdownHost::paused(const Clocks& clocks) {
    session_.paused(clocks.now);
    settle(clocks);
}

void ShutdownHost::resumed(const Clocks& clocks) {
    const Duration pause = session_.resumed(clocks.now);
    if (pending_) {
        pending_->deadline += pause;
    }
    settle(clocks);
}

void ShutdownHost::set_enabled(bool enabled, const Clocks& clocks) {
    session_.set_enabled(enabled);
    if (!enabled) {
        finish(Outcome::kServiceDisabled, wire::kIcOk, clocks);
    }
    settle(clocks);
}

Result<RequestId> ShutdownHost::request(const ShutdownRequest& request, const Clocks& clocks) {
    if (const auto refusal = session_.refusal()) {
        return std::unexpected(*refusal);
    }
    if (pending_) {
        return std::unexpected(kErrorInProgress);
    }
    const Version version = session_.message_version();
    if (request.kind == ShutdownKind::kRestart && version < kRestartVersion) {
        return fail(Errc::kUnsupported, "the guest's shutdown service is too old to restart it");
    }
    if (request.kind == ShutdownKind::kHibernate && version < kHibernateVersion) {
        return fail(Errc::kUnsupported, "the guest's shutdown service is too old to hibernate it");
    }
    if (request.answer_timeout <= Duration::zero() || request.answer_timeout > kMaxAnswerTimeout) {
        return fail(Errc::kInvalid, "the timeout must be above 0 and at most 24 h");
    }
    auto body =
        HVIS_TRY(wire::format_shutdown({.reason = request.reason,
                                        .timeout_seconds = seconds_of(request.guest_timeout),
                                        .flags = flags_of(request),
                                        .text = request.message}));
    pending_ = Pending{.id = ++last_id_,
                       .kind = request.kind,
                       .body = std::move(body),
                       .deadline = clocks.now + request.answer_timeout};
    return pending_->id;
}

Result<void> ShutdownHost::cancel(RequestId id, const Clocks& clocks) {
    if (!pending_ || pending_->id != id) {
        return std::unexpected(kErrorNoSuchRequest);
    }
    finish(Outcome::kCancelled, wire::kIcOk, clocks);
    return {};
}

Result<void> ShutdownHost::packet_received(ByteView packet, const Clocks& clocks) {
    const auto received = HVIS_TRY(session_.receive(packet, clocks.now));
    if (received.event == HostSession::Event::kReply) {
        const bool accepted = received.status == wire::kIcOk;
        finish(accepted ? Outcome::kDone : Outcome::kRefused, received.status, clocks);
    }
    settle(clocks);
    return {};
}

void ShutdownHost::timer_fired(const Clocks& clocks) {
    session_.timer_fired(clocks.now);
    if (pending_ && clocks.now >= pending_->deadline) {
        finish(Outcome::kTimedOut, wire::kIcOk, clocks);
    }
    settle(clocks);
}

std::optional<TimePoint> ShutdownHost::next_deadline() const {
    const auto deadline = pending_ ? std::optional(pending_->deadline) : std::nullopt;
    return earlier(session_.next_deadline(), deadline);
}

std::optional<Bytes> ShutdownHost::next_packet(const Clocks& clocks) {
    if (auto offer = session_.next_offer(clocks.now)) {
        return offer;
    }
    if (!pending_ || pending_->sent || !session_.can_begin()) {
        return std::nullopt;
    }
    pending_->sent = true;
    return session_.begin(pending_->body);
}

/// Ends the request, if there is one.
void ShutdownHost::finish(Outcome outcome, uint32_t status, const Clocks& clocks) {
    if (!pending_) {
        return;
    }
    if (outcome == Outcome::kTimedOut) {
        session_.time_out(clocks.now);
    } else {
        session_.abandon(clocks.now);  // Does nothing once the answer is here.
    }
    effects_.push_back(
        {.id = pending_->id, .kind = pending_->kind, .outcome = outcome, .status = status});
    pending_.reset();
}

void ShutdownHost::settle(const Clocks& clocks) { status_.update(judgement().primary, clocks); }

ServiceReport ShutdownHost::report(const Clocks&) const {
    auto report = judgement();
    report.since = status_.since();
    return report;
}

ServiceReport ShutdownHost::judgement() const {
    auto report = session_.report();
    if (report.primary != Primary::kOk) {
        return report;
    }
    if (session_.unresponsive()) {
        report.primary = Primary::kLostCommunication;
        report.secondary = Secondary::kCommunicationTimedOut;
        report.explanation =
            "the guest did not answer the last request: look at its console, or power it off";
    } else if (session_.message_version() < kHibernateVersion) {
        report.primary = Primary::kDegraded;
        report.explanation = session_.message_version() < kRestartVersion
                                 ? "the guest can be shut down, but the version is too old to "
                                   "restart or hibernate it: "
                                 : "the guest can be shut down and restarted, but the version is "
                                   "too old to hibernate it: ";
        report.explanation += session_.newer_version_remedy();
    } else {
        report.explanation = "the guest can be shut down, restarted and hibernated";
    }
    return report;
}

}  // namespace hvis::ic

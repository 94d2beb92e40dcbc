#include "ic/time_sync_host.h"

#include "ic/service_versions.h"
#include "wire/timesync.h"

namespace hvis::ic {
namespace {

constexpr SessionProfile kProfile{.type = wire::IcMessageType::kTimeSync,
                                  .versions = kTimeSyncVersions};

uint64_t ticks_of(Duration duration) {
    return static_cast<uint64_t>(std::chrono::duration_cast<Ticks>(duration).count());
}

}  // namespace

TimeSyncHost::TimeSyncHost(std::optional<Version> newest) : session_(kProfile, newest) {}

void TimeSyncHost::channel_opened(const Clocks& clocks) {
    stop();
    finish(Outcome::kGuestNotConnected, wire::kIcOk);
    session_.opened(clocks.now);
    settle(clocks);
}

void TimeSyncHost::channel_closed(const Clocks& clocks) {
    stop();
    finish(Outcome::kGuestNotConnected, wire::kIcOk);
    session_.closed();
    settle(clocks);
}

void TimeSyncHost::channel_broken(const Clocks& clocks) {
    stop();
    finish(Outcome::kGuestNotConnected, wire::kIcOk);
    session_.broken();
    settle(clocks);
}

void TimeSyncHost::paused(const Clocks& clocks) {
    session_.paused(clocks.now);
    stop();
    settle(clocks);
}

void TimeSyncHost::resumed(const Clocks& clocks) {
    if (!session_.is_paused()) {
        return;
    }
    const Duration pause = session_.resumed(clocks.now);
    if (pending_) {
        pending_->deadline += pause;
    }
    start(clocks.now);
    settle(clocks);
}

void TimeSyncHost::set_enabled(bool enabled, const Clocks& clocks) {
    if (enabled == session_.enabled()) {
        settle(clocks);
        return;
    }
    session_.set_enabled(enabled);
    if (enabled) {
        start(clocks.now);
    } else {
        stop();
        finish(Outcome::kServiceDisabled, wire::kIcOk);
    }
    settle(clocks);
}

Result<RequestId> TimeSyncHost::sync_now(Duration timeout, const Clocks& clocks) {
    if (const auto refusal = session_.refusal()) {
        return std::unexpected(*refusal);
    }
    if (pending_) {
        return std::unexpected(kErrorInProgress);
    }
    pending_ = Pending{.id = ++last_id_, .deadline = clocks.now + timeout};
    sample_due_ = true;
    return pending_->id;
}

Result<void> TimeSyncHost::cancel(RequestId id, const Clocks& clocks) {
    if (!pending_ || pending_->id != id) {
        return std::unexpected(kErrorNoSuchRequest);
    }
    finish(Outcome::kCancelled, wire::kIcOk);
    settle(clocks);
    return {};
}

Result<void> TimeSyncHost::packet_received(ByteView packet, const Clocks& clocks) {
    const auto received = HVIS_TRY(session_.receive(packet, clocks.now));
    if (received.event == HostSession::Event::kNegotiated) {
        start(clocks.now);
    } else if (received.event == HostSession::Event::kReply) {
        answered(received, clocks);
    }
    settle(clocks);
    return {};
}

void TimeSyncHost::answered(const HostSession::Received& reply, const Clocks& clocks) {
    unanswered_ = 0;
    round_trip_ = clocks.now - sent_.at;
    measure(reply);
    if (!sent_.sync) {
        return;
    }
    // From 4.0 on the guest corrects the sample by its age, however late it comes.
    const bool aged = session_.message_version() < wire::kTimeSyncReferenceVersion;
    if (reply.status == wire::kIcOk && aged && *round_trip_ > kMaxSyncAge) {
        sample_due_ = true;  // sync_due_ still stands.
        return;
    }
    sync_due_ = false;
    if (reply.status == wire::kIcOk) {
        last_sync_ = clocks.wall;
    }
    if (pending_ && pending_->sent) {
        finish(reply.status == wire::kIcOk ? Outcome::kDone : Outcome::kRefused, reply.status);
    }
}

/// Guests of versions 1.0 and 3.0 may add their own clock to the sample.
void TimeSyncHost::measure(const HostSession::Received& reply) {
    guest_offset_.reset();
    const Version version = session_.message_version();
    if (version >= wire::kTimeSyncReferenceVersion) {
        return;
    }
    const auto sample = wire::parse_time_sample(reply.body, version);
    if (sample && sample->child_time != 0) {
        guest_offset_ = Ticks(static_cast<int64_t>(sample->child_time - sample->parent_time));
        // The answer to an order may tell the clock from before it was set.
        if (!sent_.sync) {
            // In the guest's unit: what it says need not fit into nanoseconds.
            constexpr auto kLarge = std::chrono::duration_cast<Ticks>(kNoticedOffset);
            const bool large = *guest_offset_ > kLarge || *guest_offset_ < -kLarge;
            if (large && !std::exchange(offset_is_large_, large)) {
                noticed_offset_ = guest_offset_;
            }
            offset_is_large_ = large;
        }
    }
}

void TimeSyncHost::timer_fired(const Clocks& clocks) {
    session_.timer_fired(clocks.now);
    if (next_sample_at_ && clocks.now >= *next_sample_at_) {
        // A sample that is still due could not even be sent: the guest has too many before it.
        if (session_.busy() || sample_due_) {
            ++unanswered_;
            session_.abandon(clocks.now);
        }
        sample_due_ = true;
        next_sample_at_ = clocks.now + kSampleInterval;
    }
    if (pending_ && clocks.now >= pending_->deadline) {
        finish(Outcome::kTimedOut, wire::kIcOk);
    }
    settle(clocks);
}

std::optional<TimePoint> TimeSyncHost::next_deadline() const {
    const auto deadline = pending_ ? std::optional(pending_->deadline) : std::nullopt;
    return earlier(session_.next_deadline(), earlier(next_sample_at_, deadline));
}

std::optional<Bytes> TimeSyncHost::next_packet(const Clocks& clocks) {
    if (auto offer = session_.next_offer(clocks.now)) {
        return offer;
    }
    if (!sample_due_ || !session_.can_begin()) {
        return std::nullopt;
    }
    sample_due_ = false;
    if (pending_) {
        pending_->sent = true;
        sync_due_ = true;
    }
    sent_ = {.at = clocks.now, .sync = sync_due_};
    last_sample_ = clocks.wall;
    ++counters_.samples;
    counters_.syncs += sync_due_ ? 1U : 0U;
    const wire::TimeSample sample{.parent_time = clocks.wall.ticks,
                                  .reference_time = clocks.reference,
                                  .round_trip = round_trip_ ? ticks_of(*round_trip_) : 0,
                                  .flags = sync_due_ ? wire::kTimeSyncSync : wire::kTimeSyncSample};
    return session_.begin(wire::format_time_sample(sample, session_.message_version()));
}

/// Begins to send samples, if all that it needs is there, the first with the order to set the
/// clock. Linux adj_guesttime: an order sent before negotiation would be lost.
void TimeSyncHost::start(TimePoint now) {
    if (!session_.ready() || !session_.enabled() || session_.is_paused()) {
        return;
    }
    sample_due_ = true;
    sync_due_ = true;
    next_sample_at_ = now + kSampleInterval;
}

void TimeSyncHost::stop() {
    session_.forget();
    sample_due_ = false;
    next_sample_at_.reset();
    unanswered_ = 0;
    guest_offset_.reset();
    offset_is_large_ = false;
    if (pending_) {
        pending_->sent = false;
    }
}

void TimeSyncHost::finish(Outcome outcome, uint32_t status) {
    if (pending_) {
        effects_.push_back({.id = pending_->id, .outcome = outcome, .status = status});
        pending_.reset();
    }
}

void TimeSyncHost::settle(const Clocks& clocks) { status_.update(judgement().primary, clocks); }

ServiceReport TimeSyncHost::report(const Clocks&) const {
    auto report = judgement();
    report.since = status_.since();
    return report;
}

ServiceReport TimeSyncHost::judgement() const {
    auto report = session_.report();
    if (report.primary != Primary::kOk) {
        return report;
    }
    if (unanswered_ >= kMaxUnanswered) {
        report.primary = Primary::kLostCommunication;
        report.secondary = Secondary::kCommunicationTimedOut;
        report.explanation =
            "the guest does not answer time samples: look at its console, it may hang";
    } else {
        report.explanation = last_sync_
                                 ? "the guest gets the host's time every five seconds"
                                 : "the guest has been told to set its clock and has not answered "
                                   "yet: wait a moment";
    }
    return report;
}

}  // namespace hvis::ic

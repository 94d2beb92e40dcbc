#include "ic/kvp_host.h"

#include <algorithm>
#include <cctype>
#include <string>

#include "ic/service_versions.h"

namespace hvis::ic {
namespace {

constexpr SessionProfile kProfile{
    .type = wire::IcMessageType::kKvp, .versions = kKvpVersions, .needs_daemon = true};

/// The first that carries IP settings.
constexpr Version kIpInfoVersion{4, 0};

Result<void> check_writable(KvpPool pool) {
    if (pool == KvpPool::kAuto) {
        return fail(Errc::kInvalid, "the auto pool is what the guest says of itself: read it only");
    }
    return {};
}

/// "00:15:5D:01:02:03": the Linux daemon compares with upper case (kvp_mac_to_ip).
Result<std::string> mac_text(std::string_view mac) {
    constexpr size_t kLength = 17;
    std::string text;
    for (const char c : mac) {
        const bool separator = text.size() % 3 == 2;
        const auto byte = static_cast<unsigned char>(c);
        if (text.size() == kLength || (separator ? c != ':' : std::isxdigit(byte) == 0)) {
            return fail(Errc::kInvalid, "a MAC address is written like 00:15:5d:01:02:03");
        }
        text += static_cast<char>(std::toupper(byte));
    }
    if (text.size() != kLength) {
        return fail(Errc::kInvalid, "a MAC address is written like 00:15:5d:01:02:03");
    }
    return text;
}

}  // namespace

KvpHost::KvpHost(std::optional<Version> newest) : session_(kProfile, newest) {}

void KvpHost::channel_opened(const Clocks& clocks) {
    disconnect(clocks.now);
    session_.opened(clocks.now);
    settle(clocks);
}

void KvpHost::channel_closed(const Clocks& clocks) {
    disconnect(clocks.now);
    session_.closed();
    settle(clocks);
}

void KvpHost::channel_broken(const Clocks& clocks) {
    disconnect(clocks.now);
    session_.broken();
    settle(clocks);
}

void KvpHost::disconnect(TimePoint now) {
    land(now, false);
    finish_all(Outcome::kGuestNotConnected);
    // Each guest that connects gets the mirrored pairs anew.
    mirror_retry_at_.reset();
    mirrors_wait_ = false;
}

void KvpHost::paused(const Clocks& clocks) {
    session_.paused(clocks.now);
    settle(clocks);
}

void KvpHost::resumed(const Clocks& clocks) {
    const Duration pause = session_.resumed(clocks.now);
    for (auto& job : jobs_) {
        job.postpone(pause);
    }
    if (mirror_deadline_) {
        *mirror_deadline_ += pause;
    }
    departed_ += pause;
    settle(clocks);
}

void KvpHost::set_enabled(bool enabled, const Clocks& clocks) {
    session_.set_enabled(enabled);
    if (!enabled) {
        land(clocks.now, false);
        finish_all(Outcome::kServiceDisabled);
    }
    settle(clocks);
}

Result<RequestId> KvpHost::list(KvpPool pool, const Clocks& clocks, Duration timeout) {
    return submit(KvpTask::kList, {.pool = pool, .pair = {}, .ip_info = {}}, timeout, clocks);
}

Result<RequestId> KvpHost::get(KvpPool pool, std::string_view key, const Clocks& clocks,
                               Duration timeout) {
    HVIS_CHECK(wire::check_kvp_key(key));
    return submit(KvpTask::kGet, {.pool = pool, .pair = {std::string(key), ""}, .ip_info = {}},
                  timeout, clocks);
}

Result<RequestId> KvpHost::add(KvpPool pool, const KvpPair& pair, const Clocks& clocks,
                               Duration timeout) {
    HVIS_CHECK(check_writable(pool));
    HVIS_CHECK(wire::check_kvp_key(pair.key));
    HVIS_CHECK(wire::check_kvp_value(pair.value));
    return submit(KvpTask::kAdd, {.pool = pool, .pair = pair, .ip_info = {}}, timeout, clocks);
}

Result<RequestId> KvpHost::set(KvpPool pool, const KvpPair& pair, const Clocks& clocks,
                               Duration timeout) {
    HVIS_CHECK(check_writable(pool));
    HVIS_CHECK(wire::check_kvp_key(pair.key));
    HVIS_CHECK(wire::check_kvp_value(pair.value));
    return submit(KvpTask::kSet, {.pool = pool, .pair = pair, .ip_info = {}}, timeout, clocks);
}

Result<RequestId> KvpHost::remove(KvpPool pool, std::string_view key, const Clocks& clocks,
                                  Duration timeout) {
    HVIS_CHECK(check_writable(pool));
    HVIS_CHECK(wire::check_kvp_key(key));
    return submit(KvpTask::kDelete, {.pool = pool, .pair = {std::string(key), ""}, .ip_info = {}},
                  timeout, clocks);
}

Result<RequestId> KvpHost::get_ip_info(std::string_view mac, const Clocks& clocks,
                                       Duration timeout) {
    KvpIpInfo info;
    info.adapter = HVIS_TRY(mac_text(mac));
    return submit(KvpTask::kGetIpInfo, {.pool = {}, .pair = {}, .ip_info = info}, timeout, clocks);
}

Result<RequestId> KvpHost::set_ip_info(const KvpIpInfo& info, const Clocks& clocks,
                                       Duration timeout) {
    HVIS_CHECK(wire::check_kvp_ip_info(info));
    return submit(KvpTask::kSetIpInfo, {.pool = {}, .pair = {}, .ip_info = info}, timeout, clocks);
}

Result<RequestId> KvpHost::submit(KvpTask task, KvpJob::Subject subject, Duration timeout,
                                  const Clocks& clocks) {
    if (const auto refusal = session_.refusal()) {
        return std::unexpected(*refusal);
    }
    if (timeout <= Duration::zero() || timeout > kMaxTimeout) {
        return fail(Errc::kInvalid, "the timeout must be above 0 and at most 24 h");
    }
    if (jobs_.size() >= kMaxRequests) {
        return std::unexpected(kErrorTooMany);
    }
    KvpJob job(++last_id_, task, std::move(subject), clocks.now + timeout);
    // Formatted once here so that what cannot be said to this guest fails before it is queued.
    HVIS_CHECK(wire::format_kvp_request(job.request(), session_.message_version()));
    jobs_.push_back(std::move(job));
    return last_id_;
}

Result<void> KvpHost::cancel(RequestId id, const Clocks& clocks) {
    const auto job = std::ranges::find(jobs_, id, &KvpJob::id);
    if (job == jobs_.end()) {
        return std::unexpected(kErrorNoSuchRequest);
    }
    if (job == jobs_.begin() && flight_ == Flight::kJob) {
        land(clocks.now, false);
    }
    job->end(Outcome::kCancelled);
    finish(job);
    settle(clocks);
    return {};
}

Result<void> KvpHost::packet_received(ByteView packet, const Clocks& clocks) {
    const auto received = HVIS_TRY(session_.receive(packet, clocks.now));
    if (received.event == HostSession::Event::kNegotiated) {
        parameters_.guest_changed();
        external_.guest_changed();
        retry_mirrors();
    } else if (received.event == HostSession::Event::kReply) {
        answered(received, clocks.now);
    }
    settle(clocks);
    return {};
}

void KvpHost::answered(const HostSession::Received& reply, TimePoint now) {
    const auto flight = std::exchange(flight_, Flight::kNone);
    switch (flight) {
        case Flight::kNone:
            break;
        case Flight::kJob:
            if (is_for_a_silent_daemon(reply.status, now)) {
                jobs_.front().refuse(reply.status, std::nullopt);
                finish(jobs_.begin());
            } else if (jobs_.front().answered(reply.status, reply.body,
                                              session_.message_version())) {
                finish(jobs_.begin());
            }
            break;
        case Flight::kParameters:
            mirrored(parameters_, reply.status, now);
            break;
        case Flight::kExternal:
            mirrored(external_, reply.status, now);
            break;
    }
}

/// A daemon that is only slow says itself what it did not find, and where a list ends.
bool KvpHost::is_for_a_silent_daemon(uint32_t status, TimePoint now) const {
    return status != wire::kIcOk && !means_missing(status) && now - departed_ >= kSilentDaemon;
}

void KvpHost::mirrored(KvpMirror& mirror, uint32_t status, TimePoint now) {
    mirror_deadline_.reset();
    // What is to be removed may be gone already; a pair that is "missing" found no room.
    const bool gone = std::holds_alternative<wire::KvpDelete>(mirrored_) && means_missing(status);
    mirror.answered(mirrored_, status == wire::kIcOk || gone);
    if (mirror.wants_retry() && !mirror_retry_at_) {
        mirror_retry_at_ = now + kMirrorRetry;
    }
    mirrors_wait_ = mirror_retry_at_ && is_for_a_silent_daemon(status, now);
    if (const uint32_t count = mirror.take_written(); count != 0) {
        pushed_.push_back({.pool = mirror.pool(), .count = count});
    }
}

void KvpHost::timer_fired(const Clocks& clocks) {
    session_.timer_fired(clocks.now);
    if (const auto deadline = mirror_deadline(); deadline && clocks.now >= *deadline) {
        land(clocks.now, true);
        mirror_retry_at_ = clocks.now + kMirrorRetry;
        mirrors_wait_ = true;
    }
    if (mirror_retry_at_ && clocks.now >= *mirror_retry_at_) {
        retry_mirrors();
    }
    if (!jobs_.empty() && flight_ == Flight::kJob && clocks.now >= jobs_.front().deadline()) {
        land(clocks.now, true);
    }
    for (size_t index = 0; index < jobs_.size();) {
        const auto job = jobs_.begin() + static_cast<std::ptrdiff_t>(index);
        if (clocks.now >= job->deadline()) {
            job->end(Outcome::kTimedOut);
            finish(job);
        } else {
            ++index;
        }
    }
    settle(clocks);
}

void KvpHost::retry_mirrors() {
    mirror_retry_at_.reset();
    mirrors_wait_ = false;
    parameters_.retry();
    external_.retry();
}

std::optional<TimePoint> KvpHost::next_deadline() const {
    auto deadline = earlier(session_.next_deadline(), earlier(mirror_deadline(), mirror_retry_at_));
    for (const auto& job : jobs_) {
        deadline = earlier(deadline, job.deadline());
    }
    return deadline;
}

std::optional<Bytes> KvpHost::next_packet(const Clocks& clocks) {
    if (auto offer = session_.next_offer(clocks.now)) {
        return offer;
    }
    if (!session_.can_begin()) {
        return std::nullopt;
    }
    while (!jobs_.empty()) {
        auto& job = jobs_.front();
        const auto body = wire::format_kvp_request(job.request(), session_.message_version());
        if (body) {
            flight_ = Flight::kJob;
            departed_ = clocks.now;
            return session_.begin(*body);
        }
        job.refuse(wire::kIcInvalidArgument, body.error());
        finish(jobs_.begin());
    }
    if (mirrors_wait_) {
        return std::nullopt;
    }
    auto packet = next_mirrored(parameters_, Flight::kParameters, clocks.now);
    return packet ? packet : next_mirrored(external_, Flight::kExternal, clocks.now);
}

std::optional<Bytes> KvpHost::next_mirrored(KvpMirror& mirror, Flight flight, TimePoint now) {
    while (auto request = mirror.next()) {
        const auto body = wire::format_kvp_request(*request, session_.message_version());
        mirrored_ = std::move(*request);
        if (body) {
            flight_ = flight;
            mirror_deadline_ = now + kRequestTimeout;
            departed_ = now;
            return session_.begin(*body);
        }
        mirror.answered(mirrored_, false);
    }
    return std::nullopt;
}

/// Takes the transaction off its way; what it was for is not touched.
void KvpHost::land(TimePoint now, bool timed_out) {
    if (timed_out) {
        session_.time_out(now);
    } else {
        session_.abandon(now);
    }
    flight_ = Flight::kNone;
    mirror_deadline_.reset();
}

void KvpHost::finish(const std::deque<KvpJob>::iterator& job) {
    effects_.push_back(std::move(job->result()));
    jobs_.erase(job);
}

void KvpHost::finish_all(Outcome outcome) {
    while (!jobs_.empty()) {
        jobs_.front().end(outcome);
        finish(jobs_.begin());
    }
}

void KvpHost::settle(const Clocks& clocks) { status_.update(judgement().primary, clocks); }

ServiceReport KvpHost::report(const Clocks&) const {
    auto report = judgement();
    report.since = status_.since();
    return report;
}

ServiceReport KvpHost::judgement() const {
    auto report = session_.report();
    if (report.primary != Primary::kOk) {
        return report;
    }
    if (session_.unresponsive()) {
        report.primary = Primary::kLostCommunication;
        report.secondary = Secondary::kCommunicationTimedOut;
        report.explanation =
            "the guest's daemon has stopped answering: restart hv_kvp_daemon or hvis-guest in it";
    } else if (session_.message_version() < kIpInfoVersion) {
        report.primary = Primary::kDegraded;
        report.explanation = "the guest exchanges pairs, but the version has no IP settings: ";
        report.explanation += session_.newer_version_remedy();
    } else {
        report.explanation = "the guest exchanges pairs and IP settings";
    }
    return report;
}

}  // namespace hvis::ic

#pragma once

#include <chrono>
#include <deque>
#include <string_view>
#include <utility>
#include <vector>

#include "ic/host_service.h"
#include "ic/host_session.h"
#include "ic/kvp_job.h"
#include "ic/kvp_mirror.h"

namespace hvis::ic {

/// Host half of the key/value pair exchange. Requests are carried out one after the other in the
/// order of asking; what the host keeps in the guest's pools goes when none is waiting.
class KvpHost final : public HostService {
public:
    static constexpr size_t kMaxRequests = 32;
    /// Longer than the 30 s after which Linux answers for a daemon that is silent
    /// (HV_UTIL_TIMEOUT).
    static constexpr Duration kRequestTimeout = std::chrono::seconds(35);
    static constexpr Duration kMaxTimeout = std::chrono::hours(24);
    /// A refusal as late as this is the one that Linux gives for a silent daemon: asking on would
    /// only cost as long again, once for each pair.
    static constexpr Duration kSilentDaemon = std::chrono::seconds(25);
    /// A pair that the guest refused, or did not take in time, is offered again after so long.
    static constexpr Duration kMirrorRetry = std::chrono::seconds(60);

    /// `newest` as for HostSession.
    explicit KvpHost(std::optional<Version> newest = std::nullopt);

    void channel_opened(const Clocks& clocks) override;
    void channel_closed(const Clocks& clocks) override;
    void channel_broken(const Clocks& clocks) override;
    Result<void> packet_received(ByteView packet, const Clocks& clocks) override;
    void timer_fired(const Clocks& clocks) override;
    [[nodiscard]] std::optional<TimePoint> next_deadline() const override;
    std::optional<Bytes> next_packet(const Clocks& clocks) override;
    bool take_signal_again() override { return session_.take_signal_again(); }
    void paused(const Clocks& clocks) override;
    void resumed(const Clocks& clocks) override;
    void set_enabled(bool enabled, const Clocks& clocks) override;
    [[nodiscard]] ServiceReport report(const Clocks& clocks) const override;

    /// Each fails at once with an error of request.h, or because of a limit; after that it ends in
    /// exactly one KvpFinished. Strings are UTF-8. A pause does not count towards the timeout, but
    /// who asked waits no longer: a request whose timeout passes in a pause ends then, and that is
    /// not held against the guest.
    Result<RequestId> list(KvpPool pool, const Clocks& clocks, Duration timeout = kRequestTimeout);
    Result<RequestId> get(KvpPool pool, std::string_view key, const Clocks& clocks,
                          Duration timeout = kRequestTimeout);
    /// Refused if the key is there.
    Result<RequestId> add(KvpPool pool, const KvpPair& pair, const Clocks& clocks,
                          Duration timeout = kRequestTimeout);
    /// Adds or changes.
    Result<RequestId> set(KvpPool pool, const KvpPair& pair, const Clocks& clocks,
                          Duration timeout = kRequestTimeout);
    /// Refused if the key is not there.
    Result<RequestId> remove(KvpPool pool, std::string_view key, const Clocks& clocks,
                             Duration timeout = kRequestTimeout);
    /// `mac` is written "00:15:5D:01:02:03"; any case.
    Result<RequestId> get_ip_info(std::string_view mac, const Clocks& clocks,
                                  Duration timeout = kRequestTimeout);
    /// `info.adapter` is the network channel's instance in braces.
    Result<RequestId> set_ip_info(const KvpIpInfo& info, const Clocks& clocks,
                                  Duration timeout = kRequestTimeout);
    Result<void> cancel(RequestId id, const Clocks& clocks);

    /// What the host says of itself: told to every guest that connects, and kept current.
    Result<void> set_parameters(KvpMirror::Pairs pairs) {
        return parameters_.want(std::move(pairs));
    }
    /// Pairs of the external pool that outlive the guest's own copy; the same.
    Result<void> set_external(KvpMirror::Pairs pairs) { return external_.want(std::move(pairs)); }
    /// A request of its own has just set, or removed, this pair of the external pool: it is kept,
    /// or not kept, from now on.
    Result<void> keep_external(const KvpPair& pair) { return external_.keep(pair); }
    void forget_external(const std::string& key) { external_.forget(key); }

    /// The guest has the driver, but nothing in it has answered the offer for so long
    /// (HostSession::kNegotiationTimeout) that its daemon must be missing.
    [[nodiscard]] bool daemon_missing() const { return session_.offer_overdue(); }

    [[nodiscard]] std::vector<KvpFinished> take_effects() { return std::exchange(effects_, {}); }

    /// Pairs that the host keeps in a pool, written until there was no difference left.
    struct Pushed {
        KvpPool pool;
        uint32_t count;
        bool operator==(const Pushed&) const = default;
    };
    [[nodiscard]] std::vector<Pushed> take_pushed() { return std::exchange(pushed_, {}); }

private:
    /// What the transaction on its way is for.
    enum class Flight : uint8_t { kNone, kJob, kParameters, kExternal };

    Result<RequestId> submit(KvpTask task, KvpJob::Subject subject, Duration timeout,
                             const Clocks& clocks);
    void finish(const std::deque<KvpJob>::iterator& job);
    void finish_all(Outcome outcome);
    void disconnect(TimePoint now);
    void land(TimePoint now, bool timed_out);
    void answered(const HostSession::Received& reply, TimePoint now);
    void mirrored(KvpMirror& mirror, uint32_t status, TimePoint now);
    [[nodiscard]] bool is_for_a_silent_daemon(uint32_t status, TimePoint now) const;
    void retry_mirrors();
    /// Nobody waits for these pairs, so that in a pause nothing ends.
    [[nodiscard]] std::optional<TimePoint> mirror_deadline() const {
        return session_.is_paused() ? std::nullopt : mirror_deadline_;
    }
    std::optional<Bytes> next_mirrored(KvpMirror& mirror, Flight flight, TimePoint now);
    void settle(const Clocks& clocks);
    [[nodiscard]] ServiceReport judgement() const;

    HostSession session_;
    StatusClock status_;
    std::deque<KvpJob> jobs_;
    Flight flight_ = Flight::kNone;
    TimePoint departed_{};  ///< when the transaction on its way was sent
    KvpMirror parameters_{KvpPool::kAutoExternal};
    KvpMirror external_{KvpPool::kExternal};
    wire::KvpRequest mirrored_;  ///< on its way, while flight_ is one of the mirrors
    std::optional<TimePoint> mirror_deadline_;
    std::optional<TimePoint> mirror_retry_at_;
    bool mirrors_wait_ = false;  ///< until mirror_retry_at_, for a daemon that is silent
    RequestId last_id_ = 0;
    std::vector<KvpFinished> effects_;
    std::vector<Pushed> pushed_;
};

}  // namespace hvis::ic

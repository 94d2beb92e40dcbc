#pragma once

#include <chrono>
#include <utility>
#include <vector>

#include "ic/host_service.h"
#include "ic/host_session.h"

namespace hvis::ic {

/// Host half of time synchronization: a sample of the host's clock every five seconds, and one that
/// orders the guest to set its clock after negotiation, after a resume and on request.
///
/// A sample is built when there is room to send it, so that it is never old. An order stays due
/// until the guest has answered one in time.
class TimeSyncHost final : public HostService {
public:
    static constexpr Duration kSampleInterval = std::chrono::seconds(5);
    /// Samples in a row that were due and got no answer after which the guest counts as silent.
    static constexpr uint32_t kMaxUnanswered = 3;
    /// An order that was answered later than this is repeated: before version 4.0 the guest cannot
    /// tell how old the sample was.
    static constexpr Duration kMaxSyncAge = std::chrono::seconds(2);

    /// A guest's clock that is further away than this after it was set is worth a word.
    static constexpr Duration kNoticedOffset = std::chrono::seconds(2);

    /// The one end of a sync_now().
    struct Finished {
        RequestId id;
        Outcome outcome;
        uint32_t status;  ///< the guest's HRESULT when it refused, else 0
        bool operator==(const Finished&) const = default;
    };

    /// `newest` as for HostSession.
    explicit TimeSyncHost(std::optional<Version> newest = std::nullopt);

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

    /// Orders the guest to set its clock now. One request at a time. A pause does not count towards
    /// the timeout, as for the requests of KvpHost.
    Result<RequestId> sync_now(Duration timeout, const Clocks& clocks);
    Result<void> cancel(RequestId id, const Clocks& clocks);

    /// How far the guest's clock was ahead of the host's, where the guest says so (versions 1.0 and
    /// 3.0; Linux never does).
    [[nodiscard]] std::optional<Ticks> guest_offset() const { return guest_offset_; }
    /// The same, once each time that it has come to exceed kNoticedOffset.
    [[nodiscard]] std::optional<Ticks> take_noticed_offset() {
        return std::exchange(noticed_offset_, std::nullopt);
    }
    /// Samples sent since the service object was made, and those of them that were orders.
    struct Counters {
        uint64_t samples = 0;
        uint64_t syncs = 0;
    };
    [[nodiscard]] const Counters& counters() const { return counters_; }
    /// When the last sample was sent.
    [[nodiscard]] std::optional<WallTime> last_sample() const { return last_sample_; }
    /// When the guest last answered an order to set its clock.
    [[nodiscard]] std::optional<WallTime> last_sync() const { return last_sync_; }
    /// How long the guest took over its last answer.
    [[nodiscard]] std::optional<Duration> round_trip() const { return round_trip_; }

    [[nodiscard]] std::vector<Finished> take_effects() { return std::exchange(effects_, {}); }

private:
    struct Pending {
        RequestId id;
        TimePoint deadline;
        bool sent = false;
    };
    struct Sent {
        TimePoint at;
        bool sync;
    };

    void start(TimePoint now);
    void stop();
    void answered(const HostSession::Received& reply, const Clocks& clocks);
    void measure(const HostSession::Received& reply);
    void finish(Outcome outcome, uint32_t status);
    void settle(const Clocks& clocks);
    [[nodiscard]] ServiceReport judgement() const;

    HostSession session_;
    StatusClock status_;
    bool sample_due_ = false;  ///< to be sent when there is room
    /// The next sample orders the guest to set its clock. So it does while a request waits, which
    /// makes the order due only once it is sent: one that ends before leaves the clock alone.
    bool sync_due_ = false;
    std::optional<TimePoint> next_sample_at_;
    Sent sent_{};
    uint32_t unanswered_ = 0;
    std::optional<Duration> round_trip_;
    std::optional<Ticks> guest_offset_;
    bool offset_is_large_ = false;
    std::optional<Ticks> noticed_offset_;
    std::optional<WallTime> last_sync_;
    std::optional<WallTime> last_sample_;
    Counters counters_;
    std::optional<Pending> pending_;
    RequestId last_id_ = 0;
    std::vector<Finished> effects_;
};

}  // namespace hvis::ic

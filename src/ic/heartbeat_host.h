#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "ic/heartbeat_policy.h"
#include "ic/host_service.h"
#include "ic/host_session.h"

namespace hvis::ic {

/// What the answers, or their absence, say of the guest.
enum class GuestHealth : uint8_t { kUnknown, kAlive, kLost };
std::string_view to_string(GuestHealth health);

/// Host half of the heartbeat service: sends a beat every interval whatever the guest does, and
/// judges by HeartbeatPolicy.
///
/// Never held against the guest: time in which the VM is paused, the grace period, and a beat whose
/// moment the host itself slept through (timer_fired came late).
class HeartbeatHost final : public HostService {
public:
    /// Answers in time, one after the other, before a lost guest counts as alive again.
    static constexpr uint32_t kAnswersToRegain = 2;

    /// Beats voided one after the other after which the host is too busy to judge the guest at all:
    /// the service is degraded until a beat is judged again.
    static constexpr uint32_t kVoidedInARow = 10;

    struct HealthChanged {
        GuestHealth from;
        GuestHealth to;
        bool operator==(const HealthChanged&) const = default;
    };
    struct ApplicationsChanged {
        Applications from;
        Applications to;
        bool operator==(const ApplicationsChanged&) const = default;
    };
    /// The host slept through a beat or its judgement.
    struct HostStalled {
        Duration late;
        bool operator==(const HostStalled&) const = default;
    };
    using Effect = std::variant<HealthChanged, ApplicationsChanged, HostStalled>;

    /// Beats since the service object was made.
    struct Counters {
        uint64_t sent = 0;
        uint64_t answered = 0;  ///< in time
        uint64_t missed = 0;
        uint64_t late = 0;    ///< answered after they had been judged
        uint64_t voided = 0;  ///< not judged, because the host was late itself
    };

    /// How long the answers took that came in time, since the service object was made.
    struct RoundTrips {
        /// Upper bounds, inclusive, of all buckets but the last, which has none. In microseconds:
        /// a guest that is well answers in tens of them, one that is starved in thousands.
        static constexpr std::array<uint32_t, 12> kBoundsUs = {100,    250,     500,     1'000,
                                                               2'500,  5'000,   10'000,  25'000,
                                                               50'000, 100'000, 500'000, 1'000'000};

        std::array<uint64_t, kBoundsUs.size() + 1> counts{};  ///< each its own, not cumulative
        uint64_t sum_us = 0;

        void add(Duration took);
    };

    /// `newest` as for HostSession.
    explicit HeartbeatHost(const HeartbeatPolicy& policy,
                           std::optional<Version> newest = std::nullopt);

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

    /// Takes effect with the next beat; what was judged already stays.
    Result<void> set_policy(const HeartbeatPolicy& policy, const Clocks& clocks);
    [[nodiscard]] const HeartbeatPolicy& policy() const { return policy_; }
    [[nodiscard]] GuestHealth health() const { return health_; }
    [[nodiscard]] Applications applications() const { return applications_; }
    [[nodiscard]] const Counters& counters() const { return counters_; }
    [[nodiscard]] const RoundTrips& round_trips() const { return round_trips_; }
    /// How long ago the guest last answered.
    [[nodiscard]] std::optional<Duration> last_answer_age(TimePoint now) const {
        return answered_at_ ? std::optional(now - *answered_at_) : std::nullopt;
    }
    /// Misses among the beats that the next verdict looks back on.
    [[nodiscard]] uint32_t missed_of_window() const {
        return static_cast<uint32_t>(std::ranges::count(answers_, false));
    }
    /// Beats that it looks back on: fewer than the window until that is full.
    [[nodiscard]] uint32_t judged_of_window() const {
        return static_cast<uint32_t>(answers_.size());
    }
    /// When the guest last answered, in time or late.
    [[nodiscard]] std::optional<WallTime> last_answer() const { return last_answer_; }

    /// What happened since the last call, in order; for the owner to act on.
    [[nodiscard]] std::vector<Effect> take_effects() { return std::exchange(effects_, {}); }

private:
    void start(TimePoint now);
    void stop();
    void beat(TimePoint now);
    Result<void> beat_answered(const HostSession::Received& reply, TimePoint now);
    void judge(bool answered);
    void set_health(GuestHealth health);
    void set_applications(Applications applications);
    void settle(const Clocks& clocks);
    [[nodiscard]] ServiceReport judgement() const;
    [[nodiscard]] Duration stall_tolerance() const;

    HeartbeatPolicy policy_;
    HostSession session_;
    StatusClock status_;
    uint64_t sequence_ = 0;
    bool beat_due_ = false;                  ///< to be sent when there is room
    bool awaiting_ = false;                  ///< the current beat is neither answered nor judged
    std::optional<TimePoint> judge_at_;      ///< present while awaiting_
    std::optional<TimePoint> next_beat_at_;  ///< present while beating
    TimePoint grace_until_;
    std::deque<bool> answers_;  ///< the last `window` judgements, true for an answer
    uint32_t regained_ = 0;     ///< answers in a row since the guest was lost
    uint32_t voided_in_a_row_ = 0;
    GuestHealth health_ = GuestHealth::kUnknown;
    Applications applications_ = Applications::kUnknown;
    Counters counters_;
    RoundTrips round_trips_;
    TimePoint sent_at_;  ///< the beat that was sent last
    std::optional<TimePoint> answered_at_;
    std::optional<WallTime> last_answer_;
    std::vector<Effect> effects_;
};

}  // namespace hvis::ic

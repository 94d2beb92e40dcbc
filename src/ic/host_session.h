#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "ic/host_service.h"
#include "ic/request.h"
#include "ic/status.h"
#include "wire/ic.h"

namespace hvis::ic {

/// What differs between the services below their own messages.
struct SessionProfile {
    wire::IcMessageType type;
    std::span<const Version> versions;  ///< what the host speaks, oldest first
    bool needs_daemon = false;          ///< the guest answers only once a daemon registered
};

/// The part that the host halves share: channel life, version negotiation, framing, and at most one
/// transaction on its way. Owned by one service; same rules as HostService.
class HostSession {
public:
    /// An offer that was not answered for so long is repeated …
    static constexpr Duration kNegotiationTimeout = std::chrono::seconds(60);
    /// … so many times in all. A guest without its daemon keeps them in the ring and answers late.
    static constexpr int kMaxOffers = 3;
    /// Transactions given up that the guest may still answer; past it the next one waits until it
    /// answers anything, so that a dead daemon's ring does not fill with old requests.
    static constexpr int kMaxAbandoned = 2;
    /// One that the guest lost rather than delayed is forgotten after so long.
    static constexpr Duration kForgetAbandoned = std::chrono::seconds(60);

    enum class Phase : uint8_t { kClosed, kNegotiating, kReady, kMismatch, kBroken };

    /// What a packet was.
    enum class Event : uint8_t {
        kNothing,     ///< stale, or about something that is over
        kNegotiated,  ///< the session is ready
        kMismatch,    ///< the guest takes none of our versions
        kReply,       ///< the answer to the transaction on its way, which is over now
    };
    struct Received {
        Event event = Event::kNothing;
        uint32_t status = 0;  ///< of a kReply
        // GCC asks for the braces where only some members are named.
        // NOLINTNEXTLINE(readability-redundant-member-init)
        ByteView body{};  ///< of a kReply; part of the packet
    };

    /// Offers the profile's versions up to `newest`, and the oldest in any case; nothing caps them
    /// by default.
    explicit HostSession(const SessionProfile& profile,
                         std::optional<Version> newest = std::nullopt);

    void opened(TimePoint now);
    void closed();
    /// HostService::channel_broken.
    void broken();
    void paused(TimePoint now);
    /// What the guest has time for begins anew: it could not answer in between. Says how long it
    /// was paused, which is zero for a session that was not: a service moves the deadlines of its
    /// requests by that, so that the guest has all of their timeout to run in.
    Duration resumed(TimePoint now);
    void set_enabled(bool enabled) { enabled_ = enabled; }

    [[nodiscard]] Phase phase() const { return phase_; }
    [[nodiscard]] bool enabled() const { return enabled_; }
    [[nodiscard]] bool is_paused() const { return paused_; }
    [[nodiscard]] bool is_broken() const { return phase_ == Phase::kBroken; }
    /// The guest answered a negotiation and the channel is open.
    [[nodiscard]] bool ready() const { return phase_ == Phase::kReady; }
    /// Zero until ready.
    [[nodiscard]] Version message_version() const { return message_; }
    /// Nothing if a request can be taken, or why not.
    [[nodiscard]] std::optional<Error> refusal() const;
    /// The guest has opened the channel and not answered an offer for kNegotiationTimeout.
    [[nodiscard]] bool offer_overdue() const { return offer_overdue_; }
    /// The guest took too long over a request and has been silent since.
    [[nodiscard]] bool unresponsive() const { return unresponsive_; }

    /// The offer, if one is to be sent.
    std::optional<Bytes> next_offer(TimePoint now);
    /// True if begin() may be called.
    [[nodiscard]] bool can_begin() const;
    /// Frames `body` as the one transaction on its way.
    Bytes begin(ByteView body);
    [[nodiscard]] bool busy() const { return outstanding_.has_value(); }
    /// Gives the transaction on its way up: its answer, if it comes, is dropped. Counts towards
    /// kMaxAbandoned.
    void abandon(TimePoint now);
    /// The same, because the guest took too long: it counts as unresponsive until it says
    /// anything, unless it is paused.
    void time_out(TimePoint now);
    /// The same without the count, where a silent guest is to be asked again and again.
    void forget() { outstanding_.reset(); }
    /// The guest let a moment go by by which it should have answered.
    void note_silence() { signal_again_ = true; }
    /// HostService::take_signal_again.
    [[nodiscard]] bool take_signal_again() { return std::exchange(signal_again_, false); }

    Result<Received> receive(ByteView packet, TimePoint now);

    void timer_fired(TimePoint now);
    [[nodiscard]] std::optional<TimePoint> next_deadline() const;

    /// The words for everything that has nothing to do with the service itself; a ready session is
    /// kOk with an empty explanation.
    [[nodiscard]] ServiceReport report() const;
    /// What to do for a newer version: who has it to offer depends on the cap.
    [[nodiscard]] std::string_view newer_version_remedy() const;

private:
    Result<Received> negotiation_reply(const wire::IcPacket& packet);
    uint8_t next_transaction();

    SessionProfile profile_;  ///< with the versions that are offered
    bool capped_ = false;     ///< the host speaks newer ones
    Phase phase_ = Phase::kClosed;
    bool enabled_ = true;
    bool paused_ = false;
    TimePoint paused_at_;
    Version framework_;
    Version message_;
    bool offer_due_ = false;
    int offers_ = 0;                          ///< sent on this opening
    std::optional<TimePoint> offer_timeout_;  ///< while an answer is awaited
    bool offer_overdue_ = false;
    std::optional<uint8_t> outstanding_;
    uint8_t last_transaction_ = 0;  ///< runs on over reopenings: an old answer never matches
    int abandoned_ = 0;
    bool unresponsive_ = false;
    bool signal_again_ = false;
    TimePoint forget_at_;
};

/// Remembers since when the first word about a service has been what it is.
class StatusClock {
public:
    void update(Primary primary, const Clocks& clocks) {
        if (!primary_ || *primary_ != primary) {
            primary_ = primary;
            since_ = clocks.wall;
        }
    }
    [[nodiscard]] WallTime since() const { return since_; }

private:
    std::optional<Primary> primary_;
    WallTime since_;
};

/// The earlier of two deadlines that may not be there.
constexpr std::optional<TimePoint> earlier(std::optional<TimePoint> a, std::optional<TimePoint> b) {
    return !a || (b && *b < *a) ? b : a;
}

}  // namespace hvis::ic

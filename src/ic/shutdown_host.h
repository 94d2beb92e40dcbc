#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "ic/host_service.h"
#include "ic/host_session.h"
#include "wire/shutdown.h"

namespace hvis::ic {

enum class ShutdownKind : uint8_t { kShutdown, kRestart, kHibernate };

/// Whether the guest is told not to wait for its users.
enum class ShutdownForce : uint8_t { kNo, kYes };

/// What is asked of the guest.
struct ShutdownRequest {
    ShutdownKind kind = ShutdownKind::kShutdown;
    ShutdownForce force = ShutdownForce::kNo;
    uint32_t reason = wire::kShutdownReasonPlanned;
    std::string message;                        ///< for the guest's users
    Duration guest_timeout = Duration::zero();  ///< what the guest may take; Linux ignores it
    Duration answer_timeout = std::chrono::seconds(30);  ///< for its answer, not for the shutdown
};

/// Host half of the shutdown service. "Done" means that the guest accepted: that it is down is seen
/// by the VM's end. One request at a time.
class ShutdownHost final : public HostService {
public:
    static constexpr Duration kMaxAnswerTimeout = std::chrono::hours(24);

    /// The one end of a request.
    struct Finished {
        RequestId id;
        ShutdownKind kind;
        Outcome outcome;
        uint32_t status;  ///< the guest's HRESULT when it refused, else 0
        bool operator==(const Finished&) const = default;
    };

    /// `newest` as for HostSession.
    explicit ShutdownHost(std::optional<Version> newest = std::nullopt);

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

    /// Fails with one of the errors of request.h, or because the text or the kind is not for this
    /// guest: restart needs version 3.1 and hibernate 3.2. A pause does not count towards the
    /// timeout, as for the requests of KvpHost.
    Result<RequestId> request(const ShutdownRequest& request, const Clocks& clocks);
    /// A request that was sent already may still be carried out by the guest.
    Result<void> cancel(RequestId id, const Clocks& clocks);

    [[nodiscard]] std::vector<Finished> take_effects() { return std::exchange(effects_, {}); }

private:
    struct Pending {
        RequestId id;
        ShutdownKind kind;
        Bytes body;
        TimePoint deadline;
        bool sent = false;
    };

    void finish(Outcome outcome, uint32_t status, const Clocks& clocks);
    void settle(const Clocks& clocks);
    [[nodiscard]] ServiceReport judgement() const;

    HostSession session_;
    StatusClock status_;
    std::optional<Pending> pending_;
    RequestId last_id_ = 0;
    std::vector<Finished> effects_;
};

}  // namespace hvis::ic

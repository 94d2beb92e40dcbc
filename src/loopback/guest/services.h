#pragma once

#include <cstdint>

#include "ic/heartbeat_guest.h"
#include "ic/kvp_guest.h"
#include "ic/shutdown_guest.h"
#include "ic/time_sync_guest.h"
#include "loopback/guest/guest_pairs.h"
#include "vm/integration_services.h"

namespace hvis::loopback {

/// A guest half whose packets go unanswered once it has negotiated: a service that hangs.
class HungService final : public ic::GuestService {
public:
    /// `service` must outlive this object.
    explicit HungService(ic::GuestService& service) : service_(service) {}

    Result<std::optional<Bytes>> packet_received(ByteView packet, const Clocks& clocks) override;
    void channel_closed() override { service_.channel_closed(); }
    [[nodiscard]] std::optional<ic::Version> message_version() const override {
        return service_.message_version();
    }

private:
    ic::GuestService& service_;
};

enum class HeartbeatAnswers : uint8_t { kYes, kNo };

/// The guest halves of all integration services of one guest, with the pairs that it publishes. Its
/// pool `guest` says what the services have seen. Loop thread.
class Services {
public:
    /// The pair of the pool `external` by which the host says how the guest shall report its
    /// applications: "healthy" or "critical"; with anything else, and without it, unknown.
    static constexpr std::string_view kApplicationsKey = "LoopbackApplications";

    /// `name` is what the guest calls itself.
    Services(std::string_view name, HeartbeatAnswers answers);

    /// The half that a channel carries.
    [[nodiscard]] ic::GuestService& half(vm::ServiceKind kind);
    /// Packets were handled at this moment: writes down what the time samples said, and looks what
    /// the host wants to hear.
    void update(const Clocks& clocks);
    /// Orders to shut down or restart, accepted and answered.
    [[nodiscard]] std::vector<ic::ShutdownGuest::Order> take_orders() {
        return shutdown_.take_effects();
    }
    /// Every channel is gone.
    void disconnected();

    [[nodiscard]] const ic::HeartbeatGuest& heartbeat() const { return heartbeat_; }
    [[nodiscard]] ic::MemoryKvpStore& pairs() { return pairs_; }
    /// Orders to set the clock, and all samples, since the start.
    [[nodiscard]] uint64_t time_orders() const { return time_orders_; }
    [[nodiscard]] uint64_t time_samples() const { return time_samples_; }

private:
    [[nodiscard]] wire::ApplicationState wanted_applications() const;

    ic::HeartbeatGuest heartbeat_;
    HungService hung_heartbeat_{heartbeat_};
    ic::ShutdownGuest shutdown_;
    ic::TimeSyncGuest time_sync_;
    GuestPairs pairs_;
    ic::KvpGuest kvp_{pairs_};
    HeartbeatAnswers answers_;
    uint64_t time_orders_ = 0;
    uint64_t time_samples_ = 0;
};

/// The service that is offered as `interface_type`, or nothing.
std::optional<vm::ServiceKind> service_of(const Guid& interface_type);

}  // namespace hvis::loopback

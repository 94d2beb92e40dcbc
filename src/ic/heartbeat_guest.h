#pragma once

#include "ic/guest_service.h"
#include "ic/guest_session.h"
#include "wire/heartbeat.h"

namespace hvis::ic {

/// Guest half of the heartbeat service. Linux: heartbeat_onchannelcallback in hv_util.c; unlike it
/// this one says how the applications are.
class HeartbeatGuest final : public GuestService {
public:
    HeartbeatGuest();

    Result<std::optional<Bytes>> packet_received(ByteView packet, const Clocks& clocks) override;
    void channel_closed() override { session_.closed(); }
    [[nodiscard]] std::optional<Version> message_version() const override {
        return session_.message_version();
    }

    void set_applications(wire::ApplicationState state) { applications_ = state; }
    /// Beats answered since the start.
    [[nodiscard]] uint64_t answered() const { return answered_; }

private:
    GuestSession session_;
    wire::ApplicationState applications_ = wire::ApplicationState::kUnknown;
    uint64_t answered_ = 0;
};

}  // namespace hvis::ic

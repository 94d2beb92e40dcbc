#pragma once

#include <utility>
#include <vector>

#include "ic/guest_service.h"
#include "ic/guest_session.h"

namespace hvis::ic {

/// Guest half of time synchronization. Linux: timesync_onchannelcallback and adj_guesttime in
/// hv_util.c.
class TimeSyncGuest final : public GuestService {
public:
    /// The host's clock as it is now, the sample's age already added.
    struct Sample {
        WallTime host_time;
        bool sync;  ///< an order to set the clock; else a hint
        bool operator==(const Sample&) const = default;
    };

    TimeSyncGuest();

    /// `clocks.wall` is the guest's clock, `clocks.reference` its reference counter.
    Result<std::optional<Bytes>> packet_received(ByteView packet, const Clocks& clocks) override;
    void channel_closed() override { session_.closed(); }
    [[nodiscard]] std::optional<Version> message_version() const override {
        return session_.message_version();
    }

    [[nodiscard]] std::vector<Sample> take_effects() { return std::exchange(effects_, {}); }

private:
    GuestSession session_;
    std::vector<Sample> effects_;
};

}  // namespace hvis::ic

#pragma once

#include <string>
#include <utility>
#include <vector>

#include "ic/guest_service.h"
#include "ic/guest_session.h"
#include "ic/shutdown_host.h"

namespace hvis::ic {

/// Guest half of the shutdown service. Linux: shutdown_onchannelcallback in hv_util.c. It answers
/// first; the owner then carries the order out.
class ShutdownGuest final : public GuestService {
public:
    /// What the host ordered and this half accepted.
    struct Order {
        ShutdownKind kind;
        ShutdownForce force;
        uint32_t reason;
        uint32_t timeout_seconds;
        std::string message;  ///< host-controlled text
        bool operator==(const Order&) const = default;
    };

    ShutdownGuest();

    Result<std::optional<Bytes>> packet_received(ByteView packet, const Clocks& clocks) override;
    void channel_closed() override { session_.closed(); }
    [[nodiscard]] std::optional<Version> message_version() const override {
        return session_.message_version();
    }

    /// A machine that cannot hibernate refuses with HV_E_FAIL.
    void set_hibernation_supported(bool supported) { hibernation_supported_ = supported; }
    [[nodiscard]] std::vector<Order> take_effects() { return std::exchange(effects_, {}); }

private:
    [[nodiscard]] std::optional<ShutdownKind> accept(uint32_t flags) const;

    GuestSession session_;
    bool hibernation_supported_ = false;
    std::vector<Order> effects_;
};

}  // namespace hvis::ic

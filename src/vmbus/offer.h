#pragma once

#include <array>
#include <cstdint>

#include "base/guid.h"
#include "wire/vmbus_messages_host.h"

namespace hvis::vmbus {

/// The host's own name for an offer, good from add_offer until the server forgets it. Never reused,
/// unlike the relid, the number under which the guest knows the channel for one connection.
struct OfferId {
    uint32_t value = 0;
    auto operator<=>(const OfferId&) const = default;
};

/// What a device asks to be shown as.
struct OfferParams {
    Guid interface_type{};  ///< what kind of device
    Guid instance{};        ///< which one; unique among offers of this interface and subchannel
    uint16_t flags = wire::kChannelEnumerateDeviceInterface;
    uint16_t mmio_megabytes = 0;  ///< MMIO that the guest sets aside for it (video)
    uint16_t subchannel_index = 0;
    wire::UserDefined user_defined{};
    uint32_t order = 0;  ///< place among offers of the same interface

    /// A pipe in message mode, as every integration service and input device is.
    static OfferParams message_pipe(const Guid& interface_type, const Guid& instance);
    bool operator==(const OfferParams&) const = default;
};

/// Offers reach the guest in this order, so that relids are the same at each boot: interface,
/// order, instance, subchannel. Windows needs that to wake from hibernation.
bool offered_before(const OfferParams& a, const OfferParams& b);

/// True if the guest would take them for the same channel.
bool same_channel(const OfferParams& a, const OfferParams& b);

/// True if `sub` is a subchannel of `primary`.
bool is_subchannel_of(const OfferParams& sub, const OfferParams& primary);

}  // namespace hvis::vmbus

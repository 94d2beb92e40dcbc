#include "vmbus/offer.h"

#include <cstring>
#include <tuple>

namespace hvis::vmbus {

OfferParams OfferParams::message_pipe(const Guid& interface_type, const Guid& instance) {
    OfferParams params{.interface_type = interface_type, .instance = instance};
    params.flags = wire::kChannelEnumerateDeviceInterface | wire::kChannelNamedPipeMode;
    std::memcpy(params.user_defined.data(), &wire::kPipeModeMessage,
                sizeof(wire::kPipeModeMessage));
    return params;
}

bool offered_before(const OfferParams& a, const OfferParams& b) {
    return std::tie(a.interface_type, a.order, a.instance, a.subchannel_index) <
           std::tie(b.interface_type, b.order, b.instance, b.subchannel_index);
}

bool same_channel(const OfferParams& a, const OfferParams& b) {
    return std::tie(a.interface_type, a.instance, a.subchannel_index) ==
           std::tie(b.interface_type, b.instance, b.subchannel_index);
}

bool is_subchannel_of(const OfferParams& sub, const OfferParams& primary) {
    return sub.subchannel_index != 0 && primary.subchannel_index == 0 &&
           sub.interface_type == primary.interface_type && sub.instance == primary.instance;
}

}  // namespace hvis::vmbus

#pragma once

#include <optional>
#include <vector>

#include "wire/ic.h"

namespace hvis::wire {

/// More versions than this in one list are refused. Linux: IC_VERSION_NEGOTIATION_MAX_VER_COUNT.
inline constexpr size_t kMaxNegotiateVersions = 100;

/// The versions that the host offers.
struct NegotiateOffer {
    std::vector<IcVersion> framework;
    std::vector<IcVersion> message;
    bool operator==(const NegotiateOffer&) const = default;
};

/// The versions that the guest chose.
struct NegotiateChoice {
    IcVersion framework;
    IcVersion message;
    bool operator==(const NegotiateChoice&) const = default;
};

/// Host to guest. Linux: vmbus_prep_negotiate_resp in channel_mgmt.c reads it.
Bytes format_negotiate_offer(const NegotiateOffer& offer);
Result<NegotiateOffer> parse_negotiate_offer(ByteView body);

/// What a guest's negotiate reply says is long, whatever it is. Linux sets icmsgsize to this.
inline constexpr uint16_t kNegotiateReplySize = 16;

/// Guest to host; nothing means "none of these", which is written as counts of zero.
Bytes format_negotiate_choice(const std::optional<NegotiateChoice>& choice);
/// The version slots of a refusal are not looked at: Linux leaves the host's own counts in them.
Result<std::optional<NegotiateChoice>> parse_negotiate_choice(ByteView body);

}  // namespace hvis::wire

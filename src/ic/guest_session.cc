#include "ic/guest_session.h"

#include <algorithm>
#include <array>
#include <utility>

#include "wire/negotiate.h"

namespace hvis::ic {
namespace {

/// Linux: fw_versions in hv_util.c, newest first.
constexpr std::array<Version, 2> kFrameworkVersions = {{{3, 0}, {1, 0}}};

/// The first of ours that the host offers. Linux: vmbus_prep_negotiate_resp in channel_mgmt.c.
std::optional<Version> choose(std::span<const Version> ours, const std::vector<Version>& offered) {
    for (const Version version : ours) {
        if (std::ranges::find(offered, version) != offered.end()) {
            return version;
        }
    }
    return std::nullopt;
}

}  // namespace

Result<GuestSession::Received> GuestSession::receive(ByteView packet) {
    const auto message = HVIS_TRY(wire::parse_ic_packet(packet));
    if (message.header.type == std::to_underlying(wire::IcMessageType::kNegotiate)) {
        return negotiate(packet, message.body);
    }
    if (message.header.type != std::to_underlying(type_)) {
        return wire::format_ic_reply(packet, wire::kIcFail, {});
    }
    if (!chosen_) {
        return fail(Errc::kProtocol, "integration request before negotiation");
    }
    return Request{.body = message.body};
}

Bytes GuestSession::negotiate(ByteView packet, ByteView body) {
    chosen_.reset();
    std::optional<wire::NegotiateChoice> choice;
    if (const auto offer = wire::parse_negotiate_offer(body)) {
        const auto framework = choose(kFrameworkVersions, offer->framework);
        const auto message = choose(versions_, offer->message);
        if (framework && message) {
            choice = {.framework = *framework, .message = *message};
            chosen_ = message;
        }
    }
    return wire::format_ic_reply(packet, wire::kIcOk, wire::format_negotiate_choice(choice),
                                 wire::kNegotiateReplySize);
}

}  // namespace hvis::ic

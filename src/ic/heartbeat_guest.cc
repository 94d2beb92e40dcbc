#include "ic/heartbeat_guest.h"

#include <array>
#include <utility>

namespace hvis::ic {
namespace {

constexpr std::array<Version, 2> kVersions = {{{3, 0}, {1, 0}}};

}  // namespace

HeartbeatGuest::HeartbeatGuest() : session_(wire::IcMessageType::kHeartbeat, kVersions) {}

Result<std::optional<Bytes>> HeartbeatGuest::packet_received(ByteView packet, const Clocks&) {
    auto received = HVIS_TRY(session_.receive(packet));
    if (auto* reply = std::get_if<Bytes>(&received)) {
        return std::move(*reply);
    }
    auto beat = HVIS_TRY(wire::parse_heartbeat(std::get<GuestSession::Request>(received).body));
    ++beat.sequence;
    beat.application_state = std::to_underlying(applications_);
    ++answered_;
    return wire::format_ic_reply(packet, wire::kIcOk, wire::format_heartbeat(beat));
}

}  // namespace hvis::ic

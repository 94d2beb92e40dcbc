#include "ic/shutdown_guest.h"

#include <array>

namespace hvis::ic {
namespace {

constexpr std::array<Version, 4> kVersions = {{{3, 2}, {3, 1}, {3, 0}, {1, 0}}};

}  // namespace

ShutdownGuest::ShutdownGuest() : session_(wire::IcMessageType::kShutdown, kVersions) {}

Result<std::optional<Bytes>> ShutdownGuest::packet_received(ByteView packet, const Clocks&) {
    auto received = HVIS_TRY(session_.receive(packet));
    if (auto* reply = std::get_if<Bytes>(&received)) {
        return std::move(*reply);
    }
    auto message = HVIS_TRY(wire::parse_shutdown(std::get<GuestSession::Request>(received).body));
    const auto kind = accept(message.flags);
    if (!kind) {
        return wire::format_ic_reply(packet, wire::kIcFail, {});
    }
    const bool force = (message.flags & wire::kShutdownForce) != 0;
    effects_.push_back({.kind = *kind,
                        .force = force ? ShutdownForce::kYes : ShutdownForce::kNo,
                        .reason = message.reason,
                        .timeout_seconds = message.timeout_seconds,
                        .message = std::move(message.text)});
    return wire::format_ic_reply(packet, wire::kIcOk, {});
}

/// Any other combination of bits is refused, as Linux does.
std::optional<ShutdownKind> ShutdownGuest::accept(uint32_t flags) const {
    switch (flags & ~wire::kShutdownForce) {
        case 0:
            return ShutdownKind::kShutdown;
        case wire::kShutdownRestart:
            return ShutdownKind::kRestart;
        case wire::kShutdownHibernate:
            return hibernation_supported_ ? std::optional(ShutdownKind::kHibernate) : std::nullopt;
        default:
            return std::nullopt;
    }
}

}  // namespace hvis::ic

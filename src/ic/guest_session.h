#pragma once

#include <optional>
#include <span>
#include <variant>

#include "ic/guest_service.h"
#include "wire/ic.h"

namespace hvis::ic {

/// The part that the guest halves share: framing, and negotiation as Linux does it.
class GuestSession {
public:
    /// `versions` newest first; they outlive the session.
    GuestSession(wire::IcMessageType type, std::span<const Version> versions)
        : type_(type), versions_(versions) {}

    /// A request of the service, for the service to answer; `body` points into the packet.
    struct Request {
        ByteView body;
    };
    /// The service's request, or the reply that the session made itself.
    using Received = std::variant<Request, Bytes>;

    Result<Received> receive(ByteView packet);
    void closed() { chosen_.reset(); }
    [[nodiscard]] std::optional<Version> message_version() const { return chosen_; }

private:
    Bytes negotiate(ByteView packet, ByteView body);

    wire::IcMessageType type_;
    std::span<const Version> versions_;
    std::optional<Version> chosen_;
};

}  // namespace hvis::ic

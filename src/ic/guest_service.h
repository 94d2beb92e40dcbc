#pragma once

#include <optional>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "ic/status.h"

namespace hvis::ic {

/// The guest half of one integration service as the channel that carries it sees it. Answers only:
/// every packet from the host brings at most one reply, of the request's own length.
///
/// Same rules as HostService: no I/O, no clock, no trust in a byte.
class GuestService {
public:
    virtual ~GuestService() = default;
    GuestService() = default;
    GuestService(const GuestService&) = delete;
    GuestService& operator=(const GuestService&) = delete;

    /// One whole in-band packet from the host in a private copy; the reply to send, or nothing.
    /// `clocks` are the guest's own.
    virtual Result<std::optional<Bytes>> packet_received(ByteView packet, const Clocks& clocks) = 0;
    /// The channel closed: the next packet is a negotiation again.
    virtual void channel_closed() = 0;
    /// What was negotiated; nothing before.
    [[nodiscard]] virtual std::optional<Version> message_version() const = 0;
};

}  // namespace hvis::ic

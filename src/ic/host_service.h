#pragma once

#include <cstddef>
#include <optional>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "ic/status.h"

namespace hvis::ic {

/// Largest integration-component packet, headers included (OpenVMM hyperv_ic_protocol: 13,312).
inline constexpr size_t kMaxPacketSize = 13312;

/// The host half of one integration service as the channel that carries it sees it.
///
/// No I/O and no clock of its own: the owner reports what happened with the clocks of that moment,
/// then asks for packets to send and for the next deadline. Everything is called on the VM's loop
/// thread; nothing here blocks, throws or trusts a byte of a packet.
class HostService {
public:
    virtual ~HostService() = default;
    HostService() = default;
    HostService(const HostService&) = delete;
    HostService& operator=(const HostService&) = delete;

    /// The guest's driver opened the channel; version negotiation begins.
    virtual void channel_opened(const Clocks& clocks) = 0;
    /// The channel closed, was rescinded or the guest reset: requests in flight end.
    virtual void channel_closed(const Clocks& clocks) = 0;
    /// The guest wrote into a ring of the channel what no guest may: nothing comes or goes on it
    /// any more until it closes and opens again. Requests in flight end.
    virtual void channel_broken(const Clocks& clocks) = 0;
    /// One whole in-band packet from the guest, pipe header included, in a private copy. An error
    /// is for the log only: the service has dealt with it and goes on.
    virtual Result<void> packet_received(ByteView packet, const Clocks& clocks) = 0;
    /// `next_deadline` has passed.
    virtual void timer_fired(const Clocks& clocks) = 0;
    [[nodiscard]] virtual std::optional<TimePoint> next_deadline() const = 0;
    /// The next packet to send, built with these clocks, or nothing. Asked for only while the ring
    /// has room for it, again and again until it says nothing.
    virtual std::optional<Bytes> next_packet(const Clocks& clocks) = 0;
    /// True, once, if the guest owes an answer for too long: it is to be interrupted whether its
    /// ring calls for it or not. A guest that lost an interrupt would else stay deaf for good,
    /// because nothing more is signalled to a ring that is not empty.
    [[nodiscard]] virtual bool take_signal_again() = 0;

    /// The VM's virtual processors stopped / run again: silence in between is not the guest's
    /// fault.
    virtual void paused(const Clocks& clocks) = 0;
    virtual void resumed(const Clocks& clocks) = 0;
    /// The administrator's check box. Disabled services end their requests with kServiceDisabled.
    virtual void set_enabled(bool enabled, const Clocks& clocks) = 0;

    [[nodiscard]] virtual ServiceReport report(const Clocks& clocks) const = 0;
};

}  // namespace hvis::ic

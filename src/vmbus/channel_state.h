#pragma once

#include <cstdint>
#include <string_view>
#include <variant>

#include "wire/vmbus_messages_guest.h"

namespace hvis::vmbus {

/// Not known to the guest: no connection, offers not asked for, or withdrawn by the host.
struct Unoffered {};
/// Offered and closed.
struct Offered {};
/// The device was told to open, and has not answered.
struct Opening {
    wire::OpenChannel request;
};
struct Open {
    wire::OpenChannel request;
};
/// The device was told to close, and has not answered.
struct Closing {};
/// Closing, and the guest has asked to open again.
struct Reopening {
    wire::OpenChannel request;
};
/// Withdrawn by the host and closed; the guest has not released the relid.
struct Rescinded {};
/// Withdrawn by the host; the guest is told once the device has closed, because it frees the rings
/// as soon as it knows (Linux sends no GPADL_TEARDOWN on a rescinded channel).
struct RescindedClosing {};
/// Withdrawn by the host and closed; the guest is told once it was told of the subchannels.
struct RescindHeld {};
/// The guest released the relid before the device closed.
struct ReleasedClosing {
    bool rescinded = false;  ///< by the host, before
};
/// The guest gave up a channel that the host still offers; it comes back with the next connection.
struct Released {};

/// One channel of the host. The variant's index is the name of the state in switches.
using ChannelState = std::variant<Unoffered, Offered, Opening, Open, Closing, Reopening, Rescinded,
                                  RescindedClosing, RescindHeld, ReleasedClosing, Released>;

enum class ChannelPhase : uint8_t {
    kUnoffered,
    kOffered,
    kOpening,
    kOpen,
    kClosing,
    kReopening,
    kRescinded,
    kRescindedClosing,
    kRescindHeld,
    kReleasedClosing,
    kReleased,
};

inline ChannelPhase phase_of(const ChannelState& state) {
    return static_cast<ChannelPhase>(state.index());
}

/// True while a device has, or may still have, the channel's rings.
bool device_is_attached(ChannelPhase phase);
/// True while a relid is taken for the channel.
bool guest_knows(ChannelPhase phase);
/// True while the guest may set up GPADLs and open.
bool accepts_gpadls(ChannelPhase phase);
/// "closing"
std::string_view to_string(ChannelPhase phase);

}  // namespace hvis::vmbus

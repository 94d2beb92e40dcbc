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
struct Closing {
    uint32_t ring_gpadl = 0;
};
/// Closing, and the guest has asked to open again.
struct Reopening {
    uint32_t ring_gpadl = 0;
    wire::OpenChannel request;
};
/// Withdrawn by the host and closed; the guest has not released the relid.
struct Rescinded {};
/// Withdrawn by the host; neither has the device closed nor the guest released the relid.
struct RescindedClosing {};
/// The guest released the relid before the device closed.
struct ReleasedClosing {
    bool rescinded = false;  ///< by the host, before
};
/// The guest gave up a channel that the host still offers; it comes back with the next connection.
struct Released {};

/// One channel of the host. The variant's index is the name of the state in switches.
using ChannelState = std::variant<Unoffered, Offered, Opening, Open, Closing, Reopening, Rescinded,
                                  RescindedClosing, ReleasedClosing, Released>;

enum class ChannelPhase : uint8_t {
    kUnoffered,
    kOffered,
    kOpening,
    kOpen,
    kClosing,
    kReopening,
    kRescinded,
    kRescindedClosing,
    kReleasedClosing,
    kReleased,
};

inline ChannelPhase phase_of(const ChannelState& state) {
    return static_cast<ChannelPhase>(state.index());
}

/// "closing"
std::string_view to_string(ChannelPhase phase);

}  // namespace hvis::vmbus

#pragma once

#include <cstdint>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "vmbus/offer.h"
#include "wire/vmbus_messages_guest.h"

namespace hvis::vmbus {

/// A message for the slot of one synthetic interrupt source; SynIC message type
/// wire::kVmbusMessageType.
struct OutgoingMessage {
    uint32_t target_vp = 0;
    uint8_t sint = 0;
    Bytes payload;
    bool operator==(const OutgoingMessage&) const = default;
};

/// The guest agreed on a version. No channel is open yet.
struct Connected {
    wire::VmbusVersion version;
    uint32_t target_vp;  ///< where messages go
    uint8_t sint;        ///< where messages go and channels interrupt
    bool operator==(const Connected&) const = default;
};

enum class DisconnectReason : uint8_t {
    kUnload,     ///< the guest said good-bye
    kReconnect,  ///< the guest started over (kexec, kdump) without good-bye
    kReset,      ///< ChannelServer::reset()
};

/// Every channel is closed and every GPADL forgotten; the host touches no page of the guest's any
/// more.
struct Disconnected {
    DisconnectReason reason;
    bool operator==(const Disconnected&) const = default;
};

/// The guest opened a channel: connect the port `connection_id`, map the rings, start the device,
/// then call open_result. The page numbers are the guest's and unchecked.
struct OpenChannel {
    OfferId offer;
    uint32_t relid;
    uint32_t connection_id;  ///< the guest's HvSignalEvent arrives here
    uint32_t target_vp;      ///< interrupt: event flag `event_flag` of `sint` of this processor
    uint8_t sint;
    uint16_t event_flag;
    uint32_t ring_gpadl;
    std::vector<uint64_t> incoming_pages;  ///< guest to host: control page, then data
    std::vector<uint64_t> outgoing_pages;  ///< host to guest: control page, then data
    wire::UserDefined user_data;
    bool operator==(const OpenChannel&) const = default;
};

/// Stop the device, stop touching the channel's rings and GPADLs, then call channel_closed, once.
/// An open_result that is still due may be left out.
struct CloseChannel {
    OfferId offer;
    bool operator==(const CloseChannel&) const = default;
};

/// Interrupt another processor from now on. Carry it out before the next message is posted: the
/// guest takes the answer for the end of interrupts on the old one.
struct RetargetChannel {
    OfferId offer;
    uint32_t target_vp;
    bool operator==(const RetargetChannel&) const = default;
};

/// A GPADL is complete; ChannelServer::gpadl() has its pages. Rings come this way too.
struct GpadlCreated {
    OfferId offer;
    uint32_t gpadl;
    bool operator==(const GpadlCreated&) const = default;
};

/// The guest wants a GPADL back from an open channel: stop using it, then call gpadl_released.
/// channel_closed says so for all of a channel.
struct ReleaseGpadl {
    OfferId offer;
    uint32_t gpadl;
    bool operator==(const ReleaseGpadl&) const = default;
};

/// What the owner of a ChannelServer does, in order.
using ServerEffect = std::variant<Connected, Disconnected, OpenChannel, CloseChannel,
                                  RetargetChannel, GpadlCreated, ReleaseGpadl>;

}  // namespace hvis::vmbus

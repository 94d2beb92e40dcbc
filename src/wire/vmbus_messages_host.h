#pragma once

#include <cstdint>
#include <variant>

#include "base/bytes.h"
#include "base/guid.h"
#include "base/result.h"
#include "wire/vmbus_messages.h"
#include "wire/vmbus_messages_guest.h"

namespace hvis::wire {

/// Bits of OfferChannel::flags. Linux: "Server Flags".
inline constexpr uint16_t kChannelEnumerateDeviceInterface = 0x0001;
inline constexpr uint16_t kChannelNamedPipeMode = 0x0010;
inline constexpr uint16_t kChannelLoopbackOffer = 0x0100;
inline constexpr uint16_t kChannelParentOffer = 0x0200;
inline constexpr uint16_t kChannelRequestMonitor = 0x0400;
inline constexpr uint16_t kChannelTlnpiProvider = 0x2000;

/// First word of the user-defined bytes of a pipe offer. Linux: VMBUS_PIPE_TYPE_MESSAGE.
inline constexpr uint32_t kPipeModeByte = 0;
inline constexpr uint32_t kPipeModeMessage = 4;

/// A device for the guest. Linux: vmbus_channel_offer_channel.
struct OfferChannel {
    Guid interface_type{};
    Guid instance{};
    uint16_t flags = 0;
    uint16_t mmio_megabytes = 0;
    UserDefined user_defined{};
    uint16_t subchannel_index = 0;
    uint32_t relid = 0;
    uint8_t monitor_id = 0;
    bool monitor_allocated = false;
    bool dedicated_interrupt =
        false;  ///< HvSignalEvent on `connection_id`, no bit in a shared page
    uint32_t connection_id = 0;
    bool operator==(const OfferChannel&) const = default;
};

struct RescindOffer {
    uint32_t relid = 0;
    bool operator==(const RescindOffer&) const = default;
};

struct AllOffersDelivered {
    bool operator==(const AllOffersDelivered&) const = default;
};

struct OpenChannelResult {
    uint32_t relid = 0;
    uint32_t open_id = 0;
    uint32_t status = 0;  ///< NTSTATUS
    bool operator==(const OpenChannelResult&) const = default;
};

struct GpadlCreated {
    uint32_t relid = 0;
    uint32_t gpadl = 0;
    uint32_t status = 0;  ///< NTSTATUS
    bool operator==(const GpadlCreated&) const = default;
};

struct GpadlTorndown {
    uint32_t gpadl = 0;
    bool operator==(const GpadlTorndown&) const = default;
};

/// Always sent at its full 16 bytes: Linux drops a shorter one, whatever the version.
struct VersionResponse {
    bool supported = false;
    uint8_t connection_state = 0;  ///< 0: no error
    uint32_t connection_id = 0;    ///< where to post from 5.0 on; before, the version again
    bool operator==(const VersionResponse&) const = default;
};

struct UnloadResponse {
    bool operator==(const UnloadResponse&) const = default;
};

struct TlConnectResult {
    Guid endpoint{};
    Guid service{};
    uint32_t status = 0;  ///< NTSTATUS
    bool operator==(const TlConnectResult&) const = default;
};

struct ModifyChannelResponse {
    uint32_t relid = 0;
    uint32_t status = 0;  ///< NTSTATUS
    bool operator==(const ModifyChannelResponse&) const = default;
};

using HostMessage = std::variant<OfferChannel, RescindOffer, AllOffersDelivered, OpenChannelResult,
                                 GpadlCreated, GpadlTorndown, VersionResponse, UnloadResponse,
                                 TlConnectResult, ModifyChannelResponse>;

/// Reads one message that the host sent. Errors as parse_guest_message.
Result<HostMessage> parse_host_message(ByteView message);

/// The payload for the guest's message slot.
Bytes format_message(const HostMessage& message);

}  // namespace hvis::wire

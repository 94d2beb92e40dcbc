#pragma once

#include <array>
#include <cstdint>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/guid.h"
#include "base/result.h"
#include "wire/vmbus_messages.h"

namespace hvis::wire {

/// Bytes that a channel's opener passes to the device. Linux: MAX_USER_DEFINED_BYTES.
inline constexpr size_t kUserDefinedSize = 120;
using UserDefined = std::array<std::byte, kUserDefinedSize>;

/// The first message of a connection. Linux: vmbus_channel_initiate_contact.
struct InitiateContact {
    uint32_t version = 0;           ///< requested, possibly unknown to us
    uint32_t target_vp = 0;         ///< where the host's messages go, from 3.0 on
    uint8_t target_sint = 0;        ///< from 5.0 on; before, part of `interrupt_page`
    uint8_t target_vtl = 0;         ///< from 5.0 on
    uint64_t interrupt_page = 0;    ///< guest physical address; the same eight bytes, before 5.0
    uint64_t monitor_page_in = 0;   ///< guest physical address, parent to child
    uint64_t monitor_page_out = 0;  ///< guest physical address, child to parent
    bool operator==(const InitiateContact&) const = default;
};

struct RequestOffers {
    bool operator==(const RequestOffers&) const = default;
};

/// Linux: vmbus_channel_open_channel.
struct OpenChannel {
    uint32_t relid = 0;
    uint32_t open_id = 0;
    uint32_t ring_gpadl = 0;
    uint32_t target_vp = 0;
    uint32_t downstream_page_offset = 0;  ///< first page of the host-to-guest ring
    UserDefined user_data{};
    bool operator==(const OpenChannel&) const = default;
};

struct CloseChannel {
    uint32_t relid = 0;
    bool operator==(const CloseChannel&) const = default;
};

/// Starts a GPADL: a buffer of guest pages named by a handle. Linux: vmbus_channel_gpadl_header.
struct GpadlHeader {
    uint32_t relid = 0;
    uint32_t gpadl = 0;
    uint16_t range_buffer_size = 0;  ///< bytes of all ranges, of which `words` are the beginning
    uint16_t range_count = 0;
    std::vector<uint64_t> words;
    bool operator==(const GpadlHeader&) const = default;
};

/// Continues a GPADL. `message_number` means nothing: Linux always sends 0.
struct GpadlBody {
    uint32_t message_number = 0;
    uint32_t gpadl = 0;
    std::vector<uint64_t> words;
    bool operator==(const GpadlBody&) const = default;
};

struct GpadlTeardown {
    uint32_t relid = 0;
    uint32_t gpadl = 0;
    bool operator==(const GpadlTeardown&) const = default;
};

/// The guest has forgotten a rescinded channel; its number may be used again.
struct RelidReleased {
    uint32_t relid = 0;
    bool operator==(const RelidReleased&) const = default;
};

struct Unload {
    bool operator==(const Unload&) const = default;
};

/// A guest's socket wants to reach a service of the host (Hyper-V sockets).
struct TlConnectRequest {
    Guid endpoint{};
    Guid service{};
    bool operator==(const TlConnectRequest&) const = default;
};

/// Moves a channel's interrupt to another virtual processor.
struct ModifyChannel {
    uint32_t relid = 0;
    uint32_t target_vp = 0;
    bool operator==(const ModifyChannel&) const = default;
};

using GuestMessage =
    std::variant<InitiateContact, RequestOffers, OpenChannel, CloseChannel, GpadlHeader, GpadlBody,
                 GpadlTeardown, RelidReleased, Unload, TlConnectRequest, ModifyChannel>;

/// Most words (GPADL ranges and page numbers) that fit behind each fixed part.
inline constexpr size_t kMaxGpadlHeaderWords = 27;
inline constexpr size_t kMaxGpadlBodyWords = 28;

/// Reads one message that a guest posted. Bytes behind the fixed part are ignored, as Linux does on
/// its side. Fails with kProtocol if it is too short, and with kUnsupported if no guest sends it.
Result<GuestMessage> parse_guest_message(ByteView message);

/// The bytes to post. Words past those that fit are left out.
Bytes format_message(const GuestMessage& message);

}  // namespace hvis::wire

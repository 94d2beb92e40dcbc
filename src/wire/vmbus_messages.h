#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace hvis::wire {

/// VMBus protocol version as it travels: major << 16 | minor. Linux: VERSION_WIN8 and following.
// NOLINTBEGIN(readability-identifier-naming): the underscores stand for the dots of the numbers
enum class VmbusVersion : uint32_t {
    kWin8 = 0x0002'0004,
    kWin8_1 = 0x0003'0000,
    kWin10 = 0x0004'0000,
    kWin10_4_1 = 0x0004'0001,
    kWin10_5_0 = 0x0005'0000,
    kWin10_5_1 = 0x0005'0001,
    kWin10_5_2 = 0x0005'0002,
    kWin10_5_3 = 0x0005'0003,
};
// NOLINTEND(readability-identifier-naming)

/// Every version that this project speaks, newest first: the ladder a guest walks down.
std::span<const VmbusVersion> vmbus_versions();
/// The version with this number, or nothing if the project does not speak it.
std::optional<VmbusVersion> vmbus_version_from_wire(uint32_t number);
/// "5.3"
std::string_view to_string(VmbusVersion version);

/// Where guests post channel messages. Linux: VMBUS_MESSAGE_CONNECTION_ID and _ID_4 (5.0 and
/// later).
inline constexpr uint32_t kMessageConnectionId = 1;
inline constexpr uint32_t kMessageConnectionIdV5 = 4;

/// Linux: enum vmbus_channel_message_type.
// NOLINTNEXTLINE(performance-enum-size): as wide as on the wire, so that no number is cut short
enum class MessageType : uint32_t {
    kOfferChannel = 1,
    kRescindOffer = 2,
    kRequestOffers = 3,
    kAllOffersDelivered = 4,
    kOpenChannel = 5,
    kOpenChannelResult = 6,
    kCloseChannel = 7,
    kGpadlHeader = 8,
    kGpadlBody = 9,
    kGpadlCreated = 10,
    kGpadlTeardown = 11,
    kGpadlTorndown = 12,
    kRelidReleased = 13,
    kInitiateContact = 14,
    kVersionResponse = 15,
    kUnload = 16,
    kUnloadResponse = 17,
    kTlConnectRequest = 21,
    kModifyChannel = 22,
    kTlConnectResult = 23,
    kModifyChannelResponse = 24,
};

enum class MessageSender : uint8_t { kHost, kGuest };

/// One row of the table of all channel messages.
struct MessageInfo {
    MessageType type;
    std::string_view name;
    MessageSender sender;
    VmbusVersion since;  ///< earlier connections do not carry it
    uint32_t size;       ///< bytes of its fixed part, message header included; longer is allowed
};

/// Every message, ordered by number.
std::span<const MessageInfo> message_table();
/// The row with this number, or nullptr.
const MessageInfo* find_message(uint32_t number);
/// The number in a message's header, known or not. Fails on less than a header (8 bytes).
Result<uint32_t> peek_message_number(ByteView message);

/// NTSTATUS values that result messages carry; Linux only tells zero from the rest.
inline constexpr uint32_t kNtSuccess = 0;
inline constexpr uint32_t kNtUnsuccessful = 0xC000'0001;
inline constexpr uint32_t kNtInvalidParameter = 0xC000'000D;
inline constexpr uint32_t kNtInsufficientResources = 0xC000'009A;
inline constexpr uint32_t kNtConnectionRefused = 0xC000'0236;

/// Channel numbers (relids) run from 1; each is an event flag of a SINT, hence the last one.
inline constexpr uint32_t kFirstRelid = 1;
inline constexpr uint32_t kLastRelid = 2047;

}  // namespace hvis::wire

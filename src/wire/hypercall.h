#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/bytes.h"

namespace hvis::wire {

/// TLFS "Hypercall Status Values"; only those that this project returns.
enum class HvStatus : uint16_t {
    kSuccess = 0x00,
    kInvalidHypercallCode = 0x02,
    kInvalidHypercallInput = 0x03,
    kInvalidAlignment = 0x04,
    kInvalidParameter = 0x05,
    kAccessDenied = 0x06,
    kInvalidPortId = 0x11,
    kInvalidConnectionId = 0x12,
    kInsufficientBuffers = 0x13,
};

inline constexpr uint16_t kHvCallPostMessage = 0x005c;
inline constexpr uint16_t kHvCallSignalEvent = 0x005d;

/// A SynIC message: 16 bytes of header and at most 240 of payload. TLFS HV_MESSAGE.
inline constexpr size_t kMaxMessagePayload = 240;
inline constexpr size_t kMessageSlotSize = 256;
/// Every VMBus message, both ways, has this SynIC message type.
inline constexpr uint32_t kVmbusMessageType = 1;
/// One synthetic interrupt source's event flags: 2048 bits. TLFS HV_SYNIC_EVENT_FLAGS.
inline constexpr uint32_t kEventFlagsPerSint = 2048;
inline constexpr uint8_t kSintCount = 16;
/// The source that VMBus uses. Linux: VMBUS_MESSAGE_SINT.
inline constexpr uint8_t kVmbusSint = 2;

/// TLFS HV_INPUT_POST_MESSAGE, what a guest hands to HvPostMessage.
struct [[gnu::packed]] PostMessageInput {
    uint32_t connection_id;
    uint32_t reserved;
    uint32_t message_type;
    uint32_t payload_size;
    std::array<std::byte, kMaxMessagePayload> payload;
};
static_assert(sizeof(PostMessageInput) == 256);

}  // namespace hvis::wire

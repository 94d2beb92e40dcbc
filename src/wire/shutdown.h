#pragma once

#include <cstdint>
#include <string>

#include "base/bytes.h"
#include "base/result.h"

namespace hvis::wire {

/// Linux: struct shutdown_msg_data, the same in versions 1.0 to 3.2; it answers nothing shorter.
inline constexpr size_t kShutdownBodySize = 2060;
/// Longest message to the guest's users, in UTF-16 units; a NUL follows.
inline constexpr size_t kMaxShutdownMessageUnits = 1023;

/// The flags word. Linux: shutdown_onchannelcallback in hv_util.c.
inline constexpr uint32_t kShutdownForce = 1;
inline constexpr uint32_t kShutdownRestart = 2;
inline constexpr uint32_t kShutdownHibernate = 4;

/// winuser.h SHTDN_REASON_FLAG_PLANNED.
inline constexpr uint32_t kShutdownReasonPlanned = 0x80000000;

/// What the host asks of the guest.
struct ShutdownMessage {
    uint32_t reason = kShutdownReasonPlanned;
    uint32_t timeout_seconds = 0;
    uint32_t flags = 0;
    std::string text;  ///< for the guest's users, UTF-8
    bool operator==(const ShutdownMessage&) const = default;
};

/// Fails on text that is too long or not UTF-8.
Result<Bytes> format_shutdown(const ShutdownMessage& message);
Result<ShutdownMessage> parse_shutdown(ByteView body);

}  // namespace hvis::wire

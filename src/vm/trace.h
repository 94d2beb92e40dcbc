#pragma once

#include <string_view>

#include "base/bytes.h"

namespace hvis::vm {

/// Logs the bytes in hexadecimal at debug level, as one line: "vmbus: guest posts OpenChannel
/// 05000000…". For developers, and the way in which the bytes of wire/captured_*.h were
/// captured. Costs one comparison where debug lines are off.
void trace_bytes(std::string_view area, std::string_view what, std::string_view name,
                 ByteView bytes);

/// The name of a VMBus channel message, or "?".
std::string_view message_name(ByteView message);

}  // namespace hvis::vm

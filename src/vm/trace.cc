#include "vm/trace.h"

#include <string>

#include "base/log.h"
#include "wire/vmbus_messages.h"

namespace hvis::vm {

void trace_bytes(std::string_view area, std::string_view what, std::string_view name,
                 ByteView bytes) {
    if (log_level() < LogLevel::kDebug) {
        return;
    }
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string line(what);
    line.append(" ").append(name).append(" ");
    for (const std::byte byte : bytes) {
        line += kDigits[std::to_integer<size_t>(byte >> 4U)];
        line += kDigits[std::to_integer<size_t>(byte & std::byte{15})];
    }
    log(LogLevel::kDebug, area, line);
}

std::string_view message_name(ByteView message) {
    const auto number = wire::peek_message_number(message);
    const auto* info = number ? wire::find_message(*number) : nullptr;
    return info == nullptr ? "?" : info->name;
}

}  // namespace hvis::vm

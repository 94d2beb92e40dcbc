#include "wire/shutdown.h"

#include "base/utf16.h"
#include "wire/reader.h"
#include "wire/writer.h"

namespace hvis::wire {
namespace {

constexpr size_t kTextSize = 2048;

struct [[gnu::packed]] ShutdownWire {
    uint32_t reason;
    uint32_t timeout_seconds;
    uint32_t flags;
};
static_assert(sizeof(ShutdownWire) + kTextSize == kShutdownBodySize);
static_assert((kMaxShutdownMessageUnits + 1) * 2 == kTextSize);

}  // namespace

Result<Bytes> format_shutdown(const ShutdownMessage& message) {
    const auto text = HVIS_TRY(to_utf16le(message.text));
    if (text.size() > kTextSize) {
        return fail(Errc::kLimit, "shutdown message is longer than 1023 characters");
    }
    Bytes out;
    Writer writer(out);
    writer.put(ShutdownWire{.reason = message.reason,
                            .timeout_seconds = message.timeout_seconds,
                            .flags = message.flags});
    writer.put_bytes(text);
    writer.put_zeros(kTextSize - text.size());
    return out;
}

Result<ShutdownMessage> parse_shutdown(ByteView body) {
    Reader reader(body);
    const auto message = HVIS_TRY(reader.take<ShutdownWire>());
    const auto text = HVIS_TRY(reader.take_bytes(kTextSize));
    return ShutdownMessage{.reason = message.reason,
                           .timeout_seconds = message.timeout_seconds,
                           .flags = message.flags,
                           .text = from_utf16le(text)};
}

}  // namespace hvis::wire

#include <span>

#include "loopback/power_line.h"
#include "loopback/protocol.h"

/// A packet of either side of a loopback attachment, or of a power line: never a crash, and what is
/// accepted comes out of the formatter as it went in.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, size_t size);

namespace {

using namespace hvis::loopback;

template <class Packet>
void check(const hvis::Result<Packet>& packet, hvis::Result<Packet> (*parse)(hvis::ByteView)) {
    if (!packet) {
        return;
    }
    const hvis::Bytes bytes = format_packet(*packet);
    const auto again = parse(bytes);
    if (bytes.size() > kMaxPacket || !again || *again != *packet) {
        __builtin_trap();
    }
}

}  // namespace

int LLVMFuzzerTestOneInput(const unsigned char* data, size_t size) {
    const auto bytes = std::as_bytes(std::span(data, size));
    check(parse_host_packet(bytes), &parse_host_packet);
    check(parse_guest_packet(bytes), &parse_guest_packet);
    if (const auto wanted = parse_power_on(bytes)) {
        const auto again = parse_power_on(format_power_on(*wanted));
        if (!again || *again != *wanted) {
            __builtin_trap();
        }
    }
    return 0;
}

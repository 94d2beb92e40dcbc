#include <algorithm>

#include "wire/ic.h"
#include "wire/negotiate.h"

/// Both headers and both kinds of negotiation: never a crash, and what is accepted is written as it
/// was read.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, size_t size);

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, size_t size) {
    using namespace hvis::wire;
    const auto packet = std::as_bytes(std::span(data, size));
    (void)format_ic_reply(packet, kIcFail, packet.first(size / 2));
    const auto parsed = parse_ic_packet(packet);
    if (!parsed) {
        return 0;
    }
    const auto again = format_ic_packet(parsed->header, parsed->body);
    const auto reparsed = parse_ic_packet(again);
    if (!reparsed || reparsed->header != parsed->header ||
        !std::ranges::equal(reparsed->body, parsed->body)) {
        __builtin_trap();
    }
    if (const auto offer = parse_negotiate_offer(parsed->body)) {
        if (parse_negotiate_offer(format_negotiate_offer(*offer)) != *offer) {
            __builtin_trap();
        }
    }
    if (const auto choice = parse_negotiate_choice(parsed->body)) {
        if (*parse_negotiate_choice(format_negotiate_choice(*choice)) != *choice) {
            __builtin_trap();
        }
    }
    return 0;
}

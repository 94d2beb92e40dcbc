// What a parser accepts, it writes back and reads again the same.

#include <cstring>
#include <span>

#include "wire/gpa_ranges.h"
#include "wire/ring_layout.h"
#include "wire/vmbus_messages_guest.h"
#include "wire/vmbus_messages_host.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, size_t size);

namespace {

using namespace hvis;
using namespace hvis::wire;

void require(bool holds) {
    if (!holds) {
        __builtin_trap();
    }
}

/// The first reading may lose what does not fit or means nothing; from then on nothing is lost.
template <class Parse>
void round_trip(ByteView bytes, Parse parse) {
    const auto first = parse(bytes);
    if (!first) {
        return;
    }
    const auto second = parse(format_message(*first));
    require(second.has_value());
    const auto third = parse(format_message(*second));
    require(third && *third == *second);
}

void page_ranges(ByteView bytes) {
    GpaRanges ranges;
    if (parse_gpa_direct(bytes, ranges)) {
        GpaRanges again;
        require(parse_gpa_direct(format_gpa_direct(ranges), again).has_value());
        require(again == ranges);
    }
    if (const auto pages = parse_transfer_pages(bytes)) {
        const auto again = parse_transfer_pages(format_transfer_pages(*pages));
        require(again && *again == *pages);
    }
    std::vector<uint64_t> words(bytes.size() / sizeof(uint64_t));
    if (!words.empty()) {
        std::memcpy(words.data(), bytes.data(), words.size() * sizeof(uint64_t));
        for (const uint32_t count : {1U, 2U, 0xffffffffU}) {
            if (parse_gpa_ranges(words, count, ranges)) {
                require(format_gpa_ranges(ranges) == words);
            }
        }
    }
}

}  // namespace

int LLVMFuzzerTestOneInput(const unsigned char* data, size_t size) {
    const auto bytes = std::as_bytes(std::span(data, size));
    round_trip(bytes, parse_guest_message);
    round_trip(bytes, parse_host_message);
    page_ranges(bytes);
    return 0;
}

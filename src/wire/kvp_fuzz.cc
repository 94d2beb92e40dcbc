#include "wire/kvp.h"

/// Key/value messages of both sides in every version; the first byte chooses the version. What is
/// accepted and within the limits can be written and read again.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, size_t size);

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, size_t size) {
    using namespace hvis::wire;
    if (size == 0) {
        return 0;
    }
    const IcVersion version{.major = static_cast<uint16_t>(3 + data[0] % 3), .minor = 0};
    const auto body = std::as_bytes(std::span(data, size)).subspan(1);
    if (const auto request = parse_kvp_request(body, version)) {
        const auto again = format_kvp_request(*request, version);
        if (again && parse_kvp_request(*again, version) != *request) {
            __builtin_trap();
        }
    }
    if (const auto pair = parse_kvp_enumerated(body)) {
        const auto again = format_kvp_enumerated(KvpPool::kGuest, 0, *pair);
        if (again && parse_kvp_enumerated(*again) != *pair) {
            __builtin_trap();
        }
    }
    (void)parse_kvp_got(body);
    (void)parse_kvp_ip_info(body, version);
    return 0;
}

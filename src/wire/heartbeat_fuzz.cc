#include "wire/heartbeat.h"

/// A heartbeat body of either side.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, size_t size);

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, size_t size) {
    using namespace hvis::wire;
    const auto beat = parse_heartbeat(std::as_bytes(std::span(data, size)));
    if (beat && parse_heartbeat(format_heartbeat(*beat)) != *beat) {
        __builtin_trap();
    }
    return 0;
}

#include "wire/timesync.h"

/// A time sample of either layout; the first byte chooses the version.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, size_t size);

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, size_t size) {
    using namespace hvis::wire;
    if (size == 0) {
        return 0;
    }
    const IcVersion version{.major = data[0], .minor = 0};
    const auto sample = parse_time_sample(std::as_bytes(std::span(data, size)).subspan(1), version);
    if (sample && parse_time_sample(format_time_sample(*sample, version), version) != *sample) {
        __builtin_trap();
    }
    return 0;
}

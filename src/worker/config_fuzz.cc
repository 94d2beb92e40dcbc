#include "worker/config.h"

/// A configuration file: never a crash, and never a value out of its bounds.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, size_t size);

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, size_t size) {
    using namespace hvis::worker;
    const auto config = parse_config(std::string(data, data + size));
    if (config && (config->name.empty() || config->memory < kMinMemory ||
                   config->memory > kMaxMemory || config->processors == 0 ||
                   config->processors > kMaxProcessors || config->kernel.empty())) {
        __builtin_trap();
    }
    return 0;
}

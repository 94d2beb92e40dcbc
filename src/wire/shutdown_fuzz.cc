#include "wire/shutdown.h"

/// A shutdown order of any host: what is accepted can be written and read again. Text that fills
/// the whole field has no room for its NUL and is the one thing that cannot.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, size_t size);

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, size_t size) {
    using namespace hvis::wire;
    const auto message = parse_shutdown(std::as_bytes(std::span(data, size)));
    if (!message) {
        return 0;
    }
    const auto body = format_shutdown(*message);
    if (!body) {
        if (body.error().code != hvis::Errc::kLimit) {
            __builtin_trap();
        }
        return 0;
    }
    if (parse_shutdown(*body) != *message) {
        __builtin_trap();
    }
    return 0;
}

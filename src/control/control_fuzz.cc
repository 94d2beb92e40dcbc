#include <nlohmann/json.hpp>

#include "control/commands.h"
#include "control/json.h"
#include "control/packet.h"

/// A packet of a client up to the command that it becomes: never a crash, and what is accepted
/// comes out of the encoder as it went in.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, size_t size);

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, size_t size) {
    using namespace hvis::control;
    const std::string text(data, data + size);
    const auto message = parse_json(text, kMaxPacketBytes);
    if (!message || !(*message)->is_object()) {
        return 0;
    }
    const Json request = **message;
    const auto verb = request.find("verb");
    const auto args = request.find("args");
    if (verb == request.end() || !verb->is_string() || args == request.end()) {
        return 0;
    }
    const auto command = decode_command(verb->get<std::string>(), *args);
    if (command) {
        const EncodedCommand encoded = encode_command(*command);
        const auto again = decode_command(encoded.verb, *encoded.args);
        if (!again || *again != *command) {
            __builtin_trap();
        }
    }
    return 0;
}

#include "manager/random_guid.h"

#include <sys/random.h>

namespace hvis::manager {

Result<Guid, control::Failure> random_guid() {
    Guid guid;
    if (::getrandom(guid.bytes.data(), guid.bytes.size(), 0) !=
        static_cast<ssize_t>(guid.bytes.size())) {
        return std::unexpected(
            control::make_failure(control::ErrorCode::kFailed, "the host has no random numbers"));
    }
    // Byte 7 holds the version because the third field is little-endian.
    guid.bytes[7] = static_cast<uint8_t>((guid.bytes[7] & 0x0fU) | 0x40U);
    guid.bytes[8] = static_cast<uint8_t>((guid.bytes[8] & 0x3fU) | 0x80U);
    return guid;
}

}  // namespace hvis::manager

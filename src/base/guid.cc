#include "base/guid.h"

#include <sys/random.h>

namespace hvis {

Result<Guid> Guid::parse(std::string_view text) {
    if (text.size() == 38 && text.front() == '{' && text.back() == '}') {
        text = text.substr(1, 36);
    }
    Guid guid;
    if (!detail::decode_guid(text, guid)) {
        return fail(Errc::kInvalid, "not a GUID");
    }
    return guid;
}

Result<Guid> Guid::random() {
    Guid guid;
    auto& bytes = guid.bytes;
    if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
        return fail_errno("getrandom");
    }
    // The version is in byte 7 because the third field is little-endian.
    bytes[7] = static_cast<uint8_t>((bytes[7] & 0x0fU) | 0x40U);
    bytes[8] = static_cast<uint8_t>((bytes[8] & 0x3fU) | 0x80U);
    return guid;
}

std::string Guid::to_string() const {
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string text;
    text.reserve(36);
    for (size_t index = 0; index < bytes.size(); ++index) {
        if (index == 4 || index == 6 || index == 8 || index == 10) {
            text += '-';
        }
        const uint8_t byte = bytes[detail::kGuidByteOrder[index]];
        text += kDigits[byte >> 4U];
        text += kDigits[byte & 15U];
    }
    return text;
}

}  // namespace hvis

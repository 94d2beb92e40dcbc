#include "manager/api/secret.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include "base/guid.h"

namespace hvis::manager {

Sha256 sha256(std::string_view text) {
    Sha256 hash{};
    // SAFETY: bytes of the text, read as such.
    SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), hash.data());
    return hash;
}

bool equal_secrets(const Sha256& left, const Sha256& right) {
    return CRYPTO_memcmp(left.data(), right.data(), left.size()) == 0;
}

std::string hex_text(const Sha256& hash) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string text;
    for (const uint8_t byte : hash) {
        text += kDigits[byte >> 4U];
        text += kDigits[byte & 15U];
    }
    return text;
}

std::optional<Sha256> hash_from_hex(std::string_view text) {
    Sha256 hash{};
    if (text.size() != hash.size() * 2) {
        return std::nullopt;
    }
    for (size_t index = 0; index < hash.size(); ++index) {
        const int high = detail::hex_digit(text[index * 2]);
        const int low = detail::hex_digit(text[index * 2 + 1]);
        if (high < 0 || low < 0) {
            return std::nullopt;
        }
        hash[index] = static_cast<uint8_t>(high * 16 + low);
    }
    return hash;
}

std::optional<std::string> make_secret() {
    Sha256 random{};
    if (RAND_bytes(random.data(), static_cast<int>(random.size())) != 1) {
        return std::nullopt;
    }
    return "hvis_" + hex_text(random);
}

}  // namespace hvis::manager

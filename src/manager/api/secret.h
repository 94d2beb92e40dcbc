#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hvis::manager {

using Sha256 = std::array<uint8_t, 32>;

/// OpenSSL's. Any thread.
Sha256 sha256(std::string_view text);
/// In a time that does not tell where they differ.
bool equal_secrets(const Sha256& left, const Sha256& right);

/// 64 lower-case digits, and back.
std::string hex_text(const Sha256& hash);
std::optional<Sha256> hash_from_hex(std::string_view text);

/// A new bearer token: "hvis_" and 256 random bits in 64 digits. Nothing when the system has no
/// randomness to give.
std::optional<std::string> make_secret();

}  // namespace hvis::manager

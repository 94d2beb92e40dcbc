#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace hvis {

/// A GUID in wire order: the first three fields little-endian, as Hyper-V and Windows store it.
struct Guid {
    std::array<uint8_t, 16> bytes{};

    auto operator<=>(const Guid&) const = default;

    /// Reads "0e0b6031-5213-4934-818b-38d90ced39db", with or without braces, any case.
    static Result<Guid> parse(std::string_view text);

    /// One made up at random (RFC 4122, section 4.4). Fails with kOs where there is no chance to be
    /// had.
    static Result<Guid> random();

    /// Lower case, no braces.
    [[nodiscard]] std::string to_string() const;
};

/// A GUID literal; ill-formed text does not compile.
consteval Guid operator""_guid(const char* text, size_t length);

namespace detail {

constexpr int hex_digit(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    if (c >= 'A' && c <= 'F') {
        return c - 'A' + 10;
    }
    return -1;
}

/// Place of each pair of digits of the text form in the wire form.
inline constexpr std::array<uint8_t, 16> kGuidByteOrder = {3, 2, 1,  0,  5,  4,  7,  6,
                                                           8, 9, 10, 11, 12, 13, 14, 15};

/// 36 characters without braces; false if they are not a GUID.
constexpr bool decode_guid(std::string_view text, Guid& guid) {
    if (text.size() != 36) {
        return false;
    }
    size_t index = 0;
    size_t position = 0;
    while (position < text.size()) {
        if (position == 8 || position == 13 || position == 18 || position == 23) {
            if (text[position] != '-') {
                return false;
            }
            ++position;
            continue;
        }
        const int high = hex_digit(text[position]);
        const int low = hex_digit(text[position + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        guid.bytes[kGuidByteOrder[index]] = static_cast<uint8_t>(high * 16 + low);
        ++index;
        position += 2;
    }
    return true;
}

}  // namespace detail

consteval Guid operator""_guid(const char* text, size_t length) {
    Guid guid;
    if (!detail::decode_guid({text, length}, guid)) {
        throw "not a GUID";
    }
    return guid;
}

}  // namespace hvis

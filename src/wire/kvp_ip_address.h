#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hvis::wire {

/// An IPv4 or IPv6 address in network byte order; IPv4 uses the first four bytes.
struct IpAddress {
    bool ipv6 = false;
    std::array<uint8_t, 16> bytes{};
    bool operator==(const IpAddress&) const = default;
};

/// Dotted decimal, or RFC 4291 text without a zone; nothing for anything else.
std::optional<IpAddress> parse_ip_address(std::string_view text);

/// RFC 5952: lower case, the longest run of zero groups as "::".
std::string format_ip_address(const IpAddress& address);

/// "/64", 0 to 128; nothing for anything else.
std::optional<uint8_t> parse_prefix_length(std::string_view text);

}  // namespace hvis::wire

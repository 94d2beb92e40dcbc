#include "wire/kvp_ip_address.h"

#include <charconv>
#include <cstddef>

namespace hvis::wire {
namespace {

constexpr size_t kGroups = 8;

/// A whole number in `base` of at most `digits` digits.
std::optional<uint32_t> parse_number(std::string_view text, int base, size_t digits) {
    if (text.empty() || text.size() > digits) {
        return std::nullopt;
    }
    uint32_t value = 0;
    const auto* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value, base);
    if (error != std::errc{} || stop != end) {
        return std::nullopt;
    }
    return value;
}

std::optional<IpAddress> parse_ipv4(std::string_view text) {
    IpAddress address;
    for (size_t index = 0; index < 4; ++index) {
        const size_t dot = index < 3 ? text.find('.') : text.size();
        if (dot == std::string_view::npos) {
            return std::nullopt;
        }
        const auto octet = parse_number(text.substr(0, dot), 10, 3);
        if (!octet || *octet > 255) {
            return std::nullopt;
        }
        address.bytes.at(index) = static_cast<uint8_t>(*octet);
        text.remove_prefix(index < 3 ? dot + 1 : dot);
    }
    return address;
}

/// The groups of one side of "::", at most `room` of them; false if they are not groups.
bool parse_groups(std::string_view text, size_t room, std::array<uint16_t, kGroups>& groups,
                  size_t& count) {
    count = 0;
    while (!text.empty()) {
        const size_t colon = text.find(':');
        const auto part = text.substr(0, colon);
        if (colon == std::string_view::npos && part.find('.') != std::string_view::npos) {
            const auto tail = parse_ipv4(part);
            if (!tail || count + 2 > room) {
                return false;
            }
            groups.at(count++) = static_cast<uint16_t>(tail->bytes[0] << 8U | tail->bytes[1]);
            groups.at(count++) = static_cast<uint16_t>(tail->bytes[2] << 8U | tail->bytes[3]);
            return true;
        }
        const auto group = parse_number(part, 16, 4);
        if (!group || count + 1 > room) {
            return false;
        }
        groups.at(count++) = static_cast<uint16_t>(*group);
        if (colon == std::string_view::npos) {
            return true;
        }
        text.remove_prefix(colon + 1);
        if (text.empty()) {
            return false;
        }
    }
    return true;
}

std::optional<IpAddress> parse_ipv6(std::string_view text) {
    const size_t gap = text.find("::");
    std::array<uint16_t, kGroups> head{};
    std::array<uint16_t, kGroups> tail{};
    size_t head_count = 0;
    size_t tail_count = 0;
    if (gap == std::string_view::npos) {
        if (!parse_groups(text, kGroups, head, head_count) || head_count != kGroups) {
            return std::nullopt;
        }
    } else if (text.find("::", gap + 1) != std::string_view::npos ||
               text.substr(0, gap).find('.') != std::string_view::npos ||
               !parse_groups(text.substr(0, gap), kGroups - 1, head, head_count) ||
               !parse_groups(text.substr(gap + 2), kGroups - 1 - head_count, tail, tail_count)) {
        return std::nullopt;
    }
    IpAddress address{.ipv6 = true, .bytes = {}};
    const auto store = [&](size_t group, uint16_t value) {
        address.bytes.at(group * 2) = static_cast<uint8_t>(value >> 8U);
        address.bytes.at((group * 2) + 1) = static_cast<uint8_t>(value & 0xffU);
    };
    for (size_t index = 0; index < head_count; ++index) {
        store(index, head.at(index));
    }
    for (size_t index = 0; index < tail_count; ++index) {
        store(kGroups - tail_count + index, tail.at(index));
    }
    return address;
}

void append_number(std::string& out, uint32_t value, int base) {
    std::array<char, 8> digits{};
    const auto result = std::to_chars(digits.data(), digits.data() + digits.size(), value, base);
    out.append(digits.data(), result.ptr);
}

std::string format_ipv6(const IpAddress& address) {
    const auto group = [&](size_t index) {
        return static_cast<uint32_t>(address.bytes.at(index * 2) << 8U |
                                     address.bytes.at((index * 2) + 1));
    };
    size_t gap = kGroups;
    size_t gap_length = 1;
    for (size_t start = 0; start < kGroups; ++start) {
        size_t length = 0;
        while (start + length < kGroups && group(start + length) == 0) {
            ++length;
        }
        if (length > gap_length) {
            gap = start;
            gap_length = length;
        }
    }
    std::string out;
    for (size_t index = 0; index < kGroups;) {
        if (index == gap) {
            out += "::";
            index += gap_length;
            continue;
        }
        if (!out.empty() && out.back() != ':') {
            out += ':';
        }
        append_number(out, group(index), 16);
        ++index;
    }
    return out;
}

}  // namespace

std::optional<IpAddress> parse_ip_address(std::string_view text) {
    return text.find(':') == std::string_view::npos ? parse_ipv4(text) : parse_ipv6(text);
}

std::string format_ip_address(const IpAddress& address) {
    if (address.ipv6) {
        return format_ipv6(address);
    }
    std::string out;
    for (size_t index = 0; index < 4; ++index) {
        if (index != 0) {
            out += '.';
        }
        append_number(out, address.bytes.at(index), 10);
    }
    return out;
}

std::optional<uint8_t> parse_prefix_length(std::string_view text) {
    if (!text.starts_with('/')) {
        return std::nullopt;
    }
    const auto length = parse_number(text.substr(1), 10, 3);
    if (!length || *length > 128) {
        return std::nullopt;
    }
    return static_cast<uint8_t>(*length);
}

}  // namespace hvis::wire

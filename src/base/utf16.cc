#include "base/utf16.h"

#include <cstdint>
#include <optional>

namespace hvis {
namespace {

constexpr uint32_t kReplacement = 0xfffd;

/// Takes one code point off the front; nullopt (and nothing taken) where the text is not UTF-8.
std::optional<uint32_t> take_code_point(std::string_view& text) {
    const auto lead = static_cast<uint8_t>(text.front());
    size_t length = 1;
    uint32_t point = lead;
    uint32_t smallest = 0;
    if (lead >= 0xf0 && lead < 0xf8) {
        length = 4;
        point = lead & 0x07U;
        smallest = 0x10000;
    } else if (lead >= 0xe0 && lead < 0xf0) {
        length = 3;
        point = lead & 0x0fU;
        smallest = 0x800;
    } else if (lead >= 0xc0 && lead < 0xe0) {
        length = 2;
        point = lead & 0x1fU;
        smallest = 0x80;
    } else if (lead >= 0x80) {
        return std::nullopt;
    }
    if (text.size() < length) {
        return std::nullopt;
    }
    for (size_t index = 1; index < length; ++index) {
        const auto byte = static_cast<uint8_t>(text[index]);
        if ((byte & 0xc0U) != 0x80) {
            return std::nullopt;
        }
        point = (point << 6U) | (byte & 0x3fU);
    }
    if (point < smallest || point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) {
        return std::nullopt;
    }
    text.remove_prefix(length);
    return point;
}

void append_unit(Bytes& out, uint32_t unit) {
    out.push_back(static_cast<std::byte>(unit & 0xffU));
    out.push_back(static_cast<std::byte>((unit >> 8U) & 0xffU));
}

void append_utf8(std::string& out, uint32_t point) {
    if (point < 0x80) {
        out += static_cast<char>(point);
    } else if (point < 0x800) {
        out += static_cast<char>(0xc0U | (point >> 6U));
        out += static_cast<char>(0x80U | (point & 0x3fU));
    } else if (point < 0x10000) {
        out += static_cast<char>(0xe0U | (point >> 12U));
        out += static_cast<char>(0x80U | ((point >> 6U) & 0x3fU));
        out += static_cast<char>(0x80U | (point & 0x3fU));
    } else {
        out += static_cast<char>(0xf0U | (point >> 18U));
        out += static_cast<char>(0x80U | ((point >> 12U) & 0x3fU));
        out += static_cast<char>(0x80U | ((point >> 6U) & 0x3fU));
        out += static_cast<char>(0x80U | (point & 0x3fU));
    }
}

void append_hex(std::string& out, uint8_t byte) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    out += "\\x";
    out += kDigits[byte >> 4U];
    out += kDigits[byte & 15U];
}

}  // namespace

Result<Bytes> to_utf16le(std::string_view utf8) {
    Bytes out;
    out.reserve((utf8.size() * 2) + 2);
    while (!utf8.empty()) {
        const auto point = take_code_point(utf8);
        if (!point) {
            return fail(Errc::kInvalid, "text is not UTF-8");
        }
        if (*point == 0) {
            return fail(Errc::kInvalid, "text has a NUL character in it");
        }
        if (*point >= 0x10000) {
            append_unit(out, 0xd800 + ((*point - 0x10000) >> 10U));
            append_unit(out, 0xdc00 + ((*point - 0x10000) & 0x3ffU));
        } else {
            append_unit(out, *point);
        }
    }
    append_unit(out, 0);
    return out;
}

std::string from_utf16le(ByteView utf16) {
    const auto unit_at = [&](size_t index) {
        return std::to_integer<uint32_t>(utf16[index * 2]) |
               (std::to_integer<uint32_t>(utf16[(index * 2) + 1]) << 8U);
    };
    const size_t units = utf16.size() / 2;
    std::string out;
    for (size_t index = 0; index < units; ++index) {
        const uint32_t unit = unit_at(index);
        if (unit == 0) {
            break;
        }
        if (unit < 0xd800 || unit >= 0xe000) {
            append_utf8(out, unit);
            continue;
        }
        const bool high = unit < 0xdc00;
        if (high && index + 1 < units) {
            const uint32_t low = unit_at(index + 1);
            if (low >= 0xdc00 && low < 0xe000) {
                append_utf8(out, 0x10000 + ((unit - 0xd800) << 10U) + (low - 0xdc00));
                ++index;
                continue;
            }
        }
        append_utf8(out, kReplacement);
    }
    return out;
}

std::string escape_for_display(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        const std::string_view before = text;
        const auto point = take_code_point(text);
        if (!point) {
            append_hex(out, static_cast<uint8_t>(text.front()));
            text.remove_prefix(1);
        } else if (*point < 0x20 || *point == 0x7f) {
            append_hex(out, static_cast<uint8_t>(*point));
        } else if (*point == '\\') {
            out += "\\\\";
        } else if (*point >= 0x80 && *point < 0xa0) {
            // C1 controls steer some terminals; they are two bytes in UTF-8.
            append_hex(out, static_cast<uint8_t>(before[0]));
            append_hex(out, static_cast<uint8_t>(before[1]));
        } else {
            out += before.substr(0, before.size() - text.size());
        }
    }
    return out;
}

}  // namespace hvis

#include "manager/api/uri.h"

#include "base/guid.h"
#include "base/utf16.h"

namespace hvis::manager {
namespace {

enum class PlusIs : uint8_t { kPlus, kSpace };

std::optional<std::string> decode(std::string_view text, PlusIs plus) {
    std::string decoded;
    for (size_t at = 0; at < text.size(); ++at) {
        if (text[at] == '+' && plus == PlusIs::kSpace) {
            decoded += ' ';
            continue;
        }
        if (text[at] != '%') {
            decoded += text[at];
            continue;
        }
        if (at + 2 >= text.size()) {
            return std::nullopt;
        }
        const int high = detail::hex_digit(text[at + 1]);
        const int low = detail::hex_digit(text[at + 2]);
        if (high < 0 || low < 0) {
            return std::nullopt;
        }
        decoded += static_cast<char>(high * 16 + low);
        at += 2;
    }
    // to_utf16le refuses what is not UTF-8; a NUL would end the text early somewhere.
    if (decoded.find('\0') != std::string::npos || !to_utf16le(decoded)) {
        return std::nullopt;
    }
    return decoded;
}

/// Cuts the text before `separator` off the front of `rest`.
std::string_view cut(std::string_view& rest, char separator) {
    const size_t end = rest.find(separator);
    const std::string_view piece = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    return piece;
}

bool read_segments(std::string_view path, std::vector<std::string>& segments) {
    while (!path.empty()) {
        const bool ends_in_slash = path.find('/') == path.size() - 1;
        auto segment = decode(cut(path, '/'), PlusIs::kPlus);
        if (!segment || segments.size() == Target::kMaxSegments) {
            return false;
        }
        segments.push_back(*std::move(segment));
        if (ends_in_slash) {
            segments.emplace_back();
        }
    }
    return segments.size() <= Target::kMaxSegments;
}

bool read_query(std::string_view text, Query& query) {
    while (!text.empty()) {
        std::string_view value = cut(text, '&');
        const std::string_view name = cut(value, '=');
        auto decoded_name = decode(name, PlusIs::kSpace);
        auto decoded_value = decode(value, PlusIs::kSpace);
        if (!decoded_name || !decoded_value || query.size() == Target::kMaxParameters) {
            return false;
        }
        query.emplace_back(*std::move(decoded_name), *std::move(decoded_value));
    }
    return true;
}

}  // namespace

std::optional<Target> parse_target(std::string_view target) {
    if (target.empty() || target.front() != '/') {
        return std::nullopt;
    }
    std::string_view query = target.substr(1);
    const std::string_view path = cut(query, '?');
    Target parsed;
    if (!read_segments(path, parsed.segments) || !read_query(query, parsed.query)) {
        return std::nullopt;
    }
    return parsed;
}

std::string percent_encode(std::string_view text) {
    constexpr std::string_view kDigits = "0123456789ABCDEF";
    std::string encoded;
    for (const char character : text) {
        const bool unreserved = (character >= 'a' && character <= 'z') ||
                                (character >= 'A' && character <= 'Z') ||
                                (character >= '0' && character <= '9') ||
                                std::string_view("-._~").find(character) != std::string_view::npos;
        if (unreserved) {
            encoded += character;
            continue;
        }
        const auto byte = static_cast<unsigned char>(character);
        encoded += '%';
        encoded += kDigits[byte >> 4U];
        encoded += kDigits[byte & 15U];
    }
    return encoded;
}

}  // namespace hvis::manager

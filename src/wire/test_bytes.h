#pragma once

#include <string_view>

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "base/result.h"
#include "wire/ic.h"

namespace hvis::wire {

/// "01 00*3 ff": bytes for tests, written as a dump shows them; a byte with a star and a number
/// stands for that many of it.
inline Bytes hex(std::string_view text) {
    const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
    Bytes bytes;
    for (size_t at = text.find_first_not_of(' '); at < text.size();
         at = text.find_first_not_of(' ', at)) {
        bytes.push_back(static_cast<std::byte>(digit(text.at(at)) * 16 + digit(text.at(at + 1))));
        at += 2;
        if (at < text.size() && text[at] == '*') {
            size_t count = 0;
            for (++at; at < text.size() && text[at] != ' '; ++at) {
                count = count * 10 + static_cast<size_t>(digit(text[at]));
            }
            bytes.resize(bytes.size() + count - 1, bytes.back());
        }
    }
    return bytes;
}

/// The service's own bytes of a whole packet, in the notation of hex().
inline Bytes body_of(std::string_view packet) {
    const Bytes bytes = hex(packet);
    const auto parsed = parse_ic_packet(bytes);
    EXPECT_TRUE(parsed);
    return parsed ? Bytes(parsed->body.begin(), parsed->body.end()) : Bytes{};
}

/// Every proper prefix that is shorter than `needed` must fail as a protocol error.
template <class Parse>
void expect_prefixes_fail(ByteView whole, size_t needed, const Parse& parse) {
    ASSERT_TRUE(parse(whole));
    ASSERT_TRUE(parse(whole.first(needed)));
    for (size_t length = 0; length < needed; ++length) {
        const auto result = parse(whole.first(length));
        ASSERT_FALSE(result) << "accepted " << length << " bytes";
        ASSERT_EQ(result.error().code, Errc::kProtocol) << length;
    }
}

}  // namespace hvis::wire

#pragma once

#include <string_view>

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "base/result.h"

namespace hvis::wire {

/// "01 00 ff": bytes for tests, written as a dump shows them.
inline Bytes hex(std::string_view text) {
    Bytes bytes;
    int pending = -1;
    for (const char c : text) {
        if (c == ' ') {
            continue;
        }
        const int digit = c <= '9' ? c - '0' : c - 'a' + 10;
        if (pending < 0) {
            pending = digit;
        } else {
            bytes.push_back(static_cast<std::byte>(pending * 16 + digit));
            pending = -1;
        }
    }
    return bytes;
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

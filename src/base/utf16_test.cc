#include "base/utf16.h"

#include <gtest/gtest.h>

namespace hvis {
namespace {

Bytes units(std::initializer_list<unsigned> values) {
    Bytes out;
    for (const unsigned value : values) {
        out.push_back(static_cast<std::byte>(value & 0xffU));
        out.push_back(static_cast<std::byte>(value >> 8U));
    }
    return out;
}

TEST(Utf16, EndsWithANul) { EXPECT_EQ(*to_utf16le("ab"), units({'a', 'b', 0})); }

TEST(Utf16, CarriesEveryPlane) {
    const std::string text = "h\u00e9\u20ac\U0001f600";
    EXPECT_EQ(*to_utf16le(text), units({'h', 0xe9, 0x20ac, 0xd83d, 0xde00, 0}));
    EXPECT_EQ(from_utf16le(*to_utf16le(text)), text);
}

TEST(Utf16, RefusesWhatIsNotUtf8) {
    for (const char* bad :
         {"\x80", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82", "a\xff"}) {
        EXPECT_FALSE(to_utf16le(bad)) << escape_for_display(bad);
    }
    EXPECT_FALSE(to_utf16le(std::string_view("a\0b", 3)));
}

TEST(Utf16, ReplacesLoneSurrogatesAndStopsAtNul) {
    EXPECT_EQ(from_utf16le(units({0xd83d, 'x', 0xde00, 0, 'y'})), "\ufffdx\ufffd");
    EXPECT_EQ(from_utf16le(units({0xd83d})), "\ufffd");
    Bytes odd = units({'a'});
    odd.push_back(std::byte{'b'});
    EXPECT_EQ(from_utf16le(odd), "a");
}

TEST(Utf16, EscapesWhatATerminalWouldObey) {
    EXPECT_EQ(escape_for_display("a\x1b[31m\n\\ \xff \u00e9"), "a\\x1b[31m\\x0a\\\\ \\xff \u00e9");
    EXPECT_EQ(escape_for_display("\xc2\x9b"), "\\xc2\\x9b");
}

}  // namespace
}  // namespace hvis

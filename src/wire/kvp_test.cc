#include "wire/kvp.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "wire/captured_kvp.h"
#include "wire/test_bytes.h"

namespace hvis::wire {
namespace {

constexpr IcVersion kText{4, 0};

Bytes formatted(const KvpRequest& request, IcVersion version = kText) {
    auto body = format_kvp_request(request, version);
    EXPECT_TRUE(body);
    return body ? *body : Bytes{};
}

void expect_round_trip(const KvpRequest& request) {
    const auto body = formatted(request);
    EXPECT_EQ(body.size(), kKvpBodySize);
    EXPECT_EQ(parse_kvp_request(body, kText), request);
}

TEST(Kvp, MatchesTheRequestsThatALinuxGuestCarriedOut) {
    EXPECT_EQ(formatted(KvpSet{.pool = KvpPool::kExternal, .pair = {"answer", "42"}}),
              body_of(captured::kKvpSet));
    EXPECT_EQ(formatted(KvpSet{.pool = KvpPool::kExternal, .pair = {"k\u00e9y", "v\U0001f600"}}),
              body_of(captured::kKvpSetWide));
    EXPECT_EQ(formatted(KvpDelete{.pool = KvpPool::kExternal, .key = "answer"}),
              body_of(captured::kKvpDelete));
    EXPECT_EQ(formatted(KvpGet{.pool = KvpPool::kExternal, .key = "raw:test"}),
              body_of(captured::kKvpGet));
    EXPECT_EQ(formatted(KvpEnumerate{.pool = KvpPool::kAuto, .index = 0}),
              body_of(captured::kKvpEnumerate));
    EXPECT_EQ(formatted(KvpEnumerate{.pool = KvpPool::kAuto, .index = 10}),
              body_of(captured::kKvpEnumerateEnd));
}

TEST(Kvp, MatchesTheAnswersOfALinuxGuest) {
    const KvpPair name{"FullyQualifiedDomainName", "hvis-debian12.hvis.test"};
    const Bytes body = body_of(captured::kKvpEnumerateAnswer);
    EXPECT_EQ(parse_kvp_enumerated(body), name);
    EXPECT_EQ(format_kvp_enumerated(KvpPool::kAuto, 0, name), body);
    const Bytes empty = body_of(captured::kKvpEnumerateEmptyAnswer);
    EXPECT_EQ(parse_kvp_enumerated(empty), (KvpPair{"OSMinorVersion", ""}));
    EXPECT_EQ(format_kvp_enumerated(KvpPool::kAuto, 7, {"OSMinorVersion", ""}), empty);
    // Why a get is an enumeration here: the value was "hi".
    EXPECT_EQ(parse_kvp_got(body_of(captured::kKvpGetAnswer)), (KvpPair{"raw:test", ""}));
    // The other operations answer with a status in the request's own bytes.
    EXPECT_EQ(body_of(captured::kKvpSetAnswer), body_of(captured::kKvpSet));
}

TEST(Kvp, ReadsEveryRequestThatItFormats) {
    expect_round_trip(KvpGet{.pool = KvpPool::kExternal, .key = "key"});
    expect_round_trip(KvpSet{.pool = KvpPool::kGuest, .pair = {"k\u00e9y", "v\U0001f600"}});
    expect_round_trip(KvpSet{.pool = KvpPool::kGuest, .pair = {"empty", ""}});
    expect_round_trip(KvpDelete{.pool = KvpPool::kAutoExternal, .key = "key"});
    expect_round_trip(KvpEnumerate{.pool = KvpPool::kAuto, .index = 0xffffffff});
}

TEST(Kvp, RefusesEveryPrefix) {
    const auto parse = [](ByteView body) { return parse_kvp_request(body, kText); };
    expect_prefixes_fail(formatted(KvpSet{.pool = {}, .pair = {"k", "v"}}), 2576, parse);
    expect_prefixes_fail(formatted(KvpGet{.pool = {}, .key = "k"}), 528, parse);
    expect_prefixes_fail(formatted(KvpDelete{.pool = {}, .key = "k"}), 520, parse);
    expect_prefixes_fail(formatted(KvpEnumerate{}), 8, parse);
    const auto enumerated = format_kvp_enumerated(KvpPool::kGuest, 1, {"k", "v"});
    ASSERT_TRUE(enumerated);
    expect_prefixes_fail(*enumerated, kKvpBodySize, parse_kvp_enumerated);
    const auto got = format_kvp_got(KvpPool::kGuest, {"k", "v"});
    ASSERT_TRUE(got);
    expect_prefixes_fail(*got, kKvpBodySize - 4, parse_kvp_got);
}

TEST(Kvp, ReadsWhatAGuestAnswers) {
    const KvpPair pair{"OSName", "Debian GNU/Linux"};
    EXPECT_EQ(parse_kvp_enumerated(*format_kvp_enumerated(KvpPool::kAuto, 5, pair)), pair);
    EXPECT_EQ(parse_kvp_got(*format_kvp_got(KvpPool::kAuto, pair)), pair);
}

TEST(Kvp, RefusesSizesBeyondTheirFields) {
    Bytes body = *format_kvp_enumerated(KvpPool::kGuest, 0, {"k", "v"});
    Bytes long_key = body;
    long_key[12] = std::byte{1};
    long_key[13] = std::byte{2};  // 513
    EXPECT_FALSE(parse_kvp_enumerated(long_key));
    Bytes long_value = body;
    long_value[18] = std::byte{1};
    EXPECT_FALSE(parse_kvp_enumerated(long_value));
    Bytes odd_type = body;
    odd_type[8] = std::byte{7};
    EXPECT_FALSE(parse_kvp_enumerated(odd_type));
}

TEST(Kvp, ReadsNumbersAsDecimalText) {
    Bytes body = *format_kvp_enumerated(KvpPool::kGuest, 0, {"k", ""});
    std::fill_n(body.begin() + 20 + static_cast<std::ptrdiff_t>(kKvpKeySize), 8, std::byte{0xff});
    body[8] = std::byte{4};
    EXPECT_EQ(parse_kvp_enumerated(body)->value, "4294967295");
    for (const int type : {8, 11}) {
        body[8] = static_cast<std::byte>(type);
        EXPECT_EQ(parse_kvp_enumerated(body)->value, "18446744073709551615");
    }
}

TEST(Kvp, KeepsAPairWhoseTextIsNotUtf16) {
    Bytes body = *format_kvp_enumerated(KvpPool::kGuest, 0, {"k", "v"});
    body[20] = std::byte{0x00};
    body[21] = std::byte{0xd8};
    EXPECT_EQ(parse_kvp_enumerated(body)->key, "\ufffd");
}

TEST(Kvp, RefusesUnknownOperationsAndPools) {
    Bytes body = formatted(KvpEnumerate{});
    body[0] = std::byte{6};
    EXPECT_FALSE(parse_kvp_request(body, kText));
    body = formatted(KvpEnumerate{});
    body[1] = std::byte{4};
    EXPECT_FALSE(parse_kvp_request(body, kText));
}

TEST(KvpLimits, AreThoseThatALinuxGuestKeepsWhole) {
    EXPECT_TRUE(check_kvp_key(std::string(kMaxKvpKeyUnits, 'k')));
    EXPECT_EQ(check_kvp_key(std::string(kMaxKvpKeyUnits + 1, 'k')).error().code, Errc::kLimit);
    EXPECT_TRUE(check_kvp_value(std::string(kMaxKvpValueUnits, 'v')));
    EXPECT_EQ(check_kvp_value(std::string(kMaxKvpValueUnits + 1, 'v')).error().code, Errc::kLimit);
    EXPECT_EQ(check_kvp_key("").error().code, Errc::kInvalid);
    EXPECT_TRUE(check_kvp_value(""));
    EXPECT_EQ(check_kvp_key("a\xff").error().code, Errc::kInvalid);
    EXPECT_EQ(check_kvp_key(std::string_view("a\0b", 3)).error().code, Errc::kInvalid);
    std::string wide;
    for (int count = 0; count < 171; ++count) {
        wide += "\u20ac";  // Three bytes each in a pool file of 512.
    }
    EXPECT_EQ(check_kvp_key(wide).error().code, Errc::kLimit);
}

TEST(KvpLimits, TheLongestPairSurvivesTheWire) {
    expect_round_trip(
        KvpSet{.pool = {},
               .pair = {std::string(kMaxKvpKeyUnits, 'k'), std::string(kMaxKvpValueUnits, 'v')}});
    EXPECT_FALSE(format_kvp_request(
        KvpSet{.pool = {}, .pair = {std::string(kMaxKvpKeyUnits + 1, 'k'), ""}}, kText));
}

}  // namespace
}  // namespace hvis::wire

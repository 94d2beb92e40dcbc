#include "wire/shutdown.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "wire/captured_packets.h"
#include "wire/test_bytes.h"

namespace hvis::wire {
namespace {

const ShutdownMessage kMessage{.reason = kShutdownReasonPlanned,
                               .timeout_seconds = 60,
                               .flags = kShutdownRestart | kShutdownForce,
                               .text = "bye \u20ac"};

TEST(Shutdown, MatchesTheBytesThatALinuxGuestObeyed) {
    EXPECT_EQ(format_shutdown({.reason = 0, .timeout_seconds = 120, .text = "goodbye"}),
              body_of(captured::kShutdown));
    EXPECT_EQ(
        format_shutdown({.reason = 0, .timeout_seconds = 120, .flags = kShutdownForce, .text = ""}),
        body_of(captured::kForcedShutdown));
    EXPECT_EQ(format_shutdown(
                  {.reason = 0, .timeout_seconds = 60, .flags = kShutdownRestart, .text = ""}),
              body_of(captured::kRestart));
    EXPECT_EQ(format_shutdown(
                  {.reason = 0, .timeout_seconds = 60, .flags = kShutdownHibernate, .text = ""}),
              body_of(captured::kHibernate));
    EXPECT_EQ(body_of(captured::kShutdownAnswer), body_of(captured::kShutdown));
}

TEST(Shutdown, PutsReasonAndWideTextWhereTheyBelong) {
    const auto body = format_shutdown(kMessage);
    ASSERT_TRUE(body);
    EXPECT_EQ(*body, hex("00000080 3c000000 03000000 62007900 65002000 ac20 00*2038"));
}

TEST(Shutdown, ReadsWhatItFormatsAndNothingShorter) {
    const auto body = format_shutdown(kMessage);
    ASSERT_TRUE(body);
    EXPECT_EQ(parse_shutdown(*body), kMessage);
    expect_prefixes_fail(*body, kShutdownBodySize, parse_shutdown);
}

TEST(Shutdown, TakesTextUpToTheFieldAndNoMore) {
    ShutdownMessage message;
    message.text.assign(kMaxShutdownMessageUnits, 'x');
    const auto body = format_shutdown(message);
    ASSERT_TRUE(body);
    EXPECT_EQ(parse_shutdown(*body), message);
    message.text += 'x';
    EXPECT_EQ(format_shutdown(message).error().code, Errc::kLimit);
    message.text = "\xff";
    EXPECT_EQ(format_shutdown(message).error().code, Errc::kInvalid);
}

TEST(Shutdown, ReadsTextThatFillsTheFieldWithoutANul) {
    Bytes body = *format_shutdown({});
    std::fill(body.begin() + 12, body.end(), std::byte{'a'});
    const auto message = parse_shutdown(body);
    ASSERT_TRUE(message);
    EXPECT_FALSE(message->text.empty());
}

}  // namespace
}  // namespace hvis::wire

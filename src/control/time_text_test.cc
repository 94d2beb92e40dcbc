#include "control/time_text.h"

#include <gtest/gtest.h>

namespace hvis::control {
namespace {

std::string again(std::string_view text) {
    const auto time = parse_time(text);
    return time ? time_text(*time) : "refused";
}

TEST(TimeText, IsReadBack) {
    EXPECT_EQ(again("2026-03-01T12:00:00.250Z"), "2026-03-01T12:00:00.250Z");
    EXPECT_EQ(again("1970-01-01T00:00:00Z"), "1970-01-01T00:00:00.000Z");
    EXPECT_EQ(again("9999-12-31T23:59:59.999Z"), "9999-12-31T23:59:59.999Z");
}

TEST(TimeText, TakesOffsetsAndFractions) {
    EXPECT_EQ(again("2026-03-01T14:00:00+02:00"), "2026-03-01T12:00:00.000Z");
    EXPECT_EQ(again("2026-02-28t19:30:00.5-04:30"), "2026-03-01T00:00:00.500Z");
    EXPECT_EQ(again("2026-03-01 12:00:00.123456789z"), "2026-03-01T12:00:00.123Z");
    EXPECT_EQ(parse_time("1970-01-01T00:00:00.0000001Z")->ticks, kUnixEpochInTicks + 1U);
    EXPECT_EQ(again("2024-02-29T23:59:60Z"), "2024-03-01T00:00:00.000Z");
}

TEST(TimeText, RefusesEveryPrefixAndWhatIsNoTime) {
    const std::string_view whole = "2026-03-01T12:00:00.250+00:00";
    for (size_t length = 0; length < whole.size(); ++length) {
        EXPECT_FALSE(parse_time(whole.substr(0, length))) << length;
    }
    for (const std::string_view text :
         {"2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-01-01T24:00:00Z",
          "2026-01-01T00:60:00Z", "1969-12-31T23:59:59Z", "1970-01-01T00:00:00+00:01",
          "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00.1234567890Z", "2026-01-01T00:00:00Z ",
          "+026-01-01T00:00:00Z", "2026-01-01T-1:00:00Z"}) {
        EXPECT_FALSE(parse_time(text)) << text;
    }
}

}  // namespace
}  // namespace hvis::control

#include "base/duration.h"

#include <gtest/gtest.h>

namespace hvis {
namespace {

using std::chrono::milliseconds;

TEST(Duration, ReadsANumberAndAUnit) {
    EXPECT_EQ(parse_duration("500ms"), milliseconds(500));
    EXPECT_EQ(parse_duration("30s"), milliseconds(30'000));
    EXPECT_EQ(parse_duration("5m"), milliseconds(300'000));
    EXPECT_EQ(parse_duration("2h"), milliseconds(7'200'000));
    EXPECT_EQ(parse_duration("1d"), milliseconds(86'400'000));
    EXPECT_EQ(parse_duration("0s"), milliseconds(0));
}

TEST(Duration, RefusesEverythingElse) {
    for (const std::string_view bad : {"", "5", "s", "-5s", "1.5s", "5 s", "5S", "5sec", "5s ",
                                       "99999999999999999999s", "106751991168d"}) {
        EXPECT_EQ(parse_duration(bad), std::nullopt) << bad;
    }
}

TEST(Duration, IsWrittenAsItIsTyped) {
    for (const std::string_view text : {"0s", "1ms", "1500ms", "90s", "10m", "1h", "36h", "1d"}) {
        EXPECT_EQ(typed_duration(*parse_duration(text)), text);
    }
    EXPECT_EQ(typed_duration(milliseconds(60'000)), "1m");
    EXPECT_EQ(typed_duration(milliseconds(86'400'000)), "1d");
}

TEST(Duration, ShowsTheTwoLargestUnits) {
    EXPECT_EQ(duration_text(milliseconds(0)), "0 s");
    EXPECT_EQ(duration_text(milliseconds(250)), "250 ms");
    EXPECT_EQ(duration_text(milliseconds(5250)), "5 s");
    EXPECT_EQ(duration_text(milliseconds(65'000)), "1 min 5 s");
    EXPECT_EQ(duration_text(milliseconds(7'205'000)), "2 h");
    EXPECT_EQ(duration_text(milliseconds(183'600'000)), "2 d 3 h");
}

}  // namespace
}  // namespace hvis

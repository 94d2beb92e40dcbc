#include "base/log.h"

#include <cstdlib>

#include <gtest/gtest.h>

#include "base/log_words.h"

namespace hvis {
namespace {

TEST(LogLimit, LetsABurstThroughAndCountsTheRest) {
    LogLimit limit;
    const TimePoint start{std::chrono::hours(1)};
    for (uint32_t line = 0; line < LogLimit::kBurst; ++line) {
        EXPECT_TRUE(limit.allow(start));
    }
    EXPECT_FALSE(limit.allow(start));
    EXPECT_FALSE(limit.allow(start));
    EXPECT_EQ(limit.take_suppressed(), 2U);
    EXPECT_TRUE(limit.allow(start + LogLimit::kPeriod));
}

TEST(LogLevel, HasAWordForEach) {
    EXPECT_EQ(log_level_from("error"), LogLevel::kError);
    EXPECT_EQ(log_level_from("warning"), LogLevel::kWarning);
    EXPECT_EQ(log_level_from("notice"), LogLevel::kNotice);
    EXPECT_EQ(log_level_from("info"), LogLevel::kInfo);
    EXPECT_EQ(log_level_from("debug"), LogLevel::kDebug);
    EXPECT_EQ(log_level_from("verbose"), std::nullopt);
    EXPECT_EQ(log_level_from(""), std::nullopt);
}

/// Exits with the level that a process starts with, which is looked up once.
[[noreturn]] void exit_with_level(const char* word) {
    ::setenv("HVIS_LOG_LEVEL", word, 1);
    std::_Exit(static_cast<int>(log_level()));
}

TEST(LogLevelDeathTest, ComesFromTheEnvironmentAndAWrongWordIsComplainedOf) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_EXIT(exit_with_level("notice"), testing::ExitedWithCode(5), "^$");
    EXPECT_EXIT(exit_with_level("loud"), testing::ExitedWithCode(6),
                "HVIS_LOG_LEVEL must be error, warning, notice, info or debug");
}

}  // namespace
}  // namespace hvis

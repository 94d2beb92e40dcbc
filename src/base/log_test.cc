#include "base/log.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace hvis

#include "loopback/guest/post_backoff.h"

#include <gtest/gtest.h>

namespace hvis::loopback {
namespace {

using std::chrono::milliseconds;

TEST(PostBackoff, DoublesItsPausesUpToTheLongest) {
    PostBackoff backoff;
    for (int pause = 1; pause <= 256; pause *= 2) {
        EXPECT_EQ(backoff.refused(), milliseconds(pause));
    }
    EXPECT_EQ(backoff.refused(), PostBackoff::kLongestPause);
    backoff.over();
    EXPECT_EQ(backoff.refused(), PostBackoff::kFirstPause);
}

TEST(PostBackoff, GivesUpAfterSoManyTries) {
    PostBackoff backoff;
    for (uint32_t tries = 1; tries < PostBackoff::kMaxTries; ++tries) {
        ASSERT_TRUE(backoff.refused()) << tries;
    }
    EXPECT_FALSE(backoff.refused());
    EXPECT_EQ(backoff.refused(), PostBackoff::kFirstPause) << "the next message has its own tries";
}

}  // namespace
}  // namespace hvis::loopback

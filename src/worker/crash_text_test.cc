#include "worker/crash_text.h"

#include <gtest/gtest.h>

namespace hvis::worker {
namespace {

TEST(CrashExcerpt, BeginsAtThePanic) {
    EXPECT_EQ(crash_excerpt("old line\nKernel panic - not syncing: sysrq\nCPU: 0", 100),
              "Kernel panic - not syncing: sysrq\nCPU: 0");
    EXPECT_EQ(crash_excerpt("old line\nKernel panic - not syncing", 12), "Kernel panic");
}

TEST(CrashExcerpt, TakesTheNewestBytesOfATextWithoutOne) {
    EXPECT_EQ(crash_excerpt("abcdef", 3), "def");
    EXPECT_EQ(crash_excerpt("abc", 3), "abc");
    EXPECT_EQ(crash_excerpt("", 3), "");
}

}  // namespace
}  // namespace hvis::worker

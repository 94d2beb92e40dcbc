#include "cli/console/serial_terminal.h"

#include <gtest/gtest.h>

namespace hvis::cli {
namespace {

TEST(SerialTerminal, SendsKeysUntilTheOneThatLeaves) {
    bool left = false;
    EXPECT_EQ(keys_for_guest("ls\r", left), "ls\r");
    EXPECT_FALSE(left);
    EXPECT_EQ(keys_for_guest("\x03", left), "\x03");  // Ctrl+C is the guest's
    EXPECT_FALSE(left);
    EXPECT_EQ(keys_for_guest("ab\x1d"
                             "cd",
                             left),
              "ab");
    EXPECT_TRUE(left);
    EXPECT_EQ(keys_for_guest("\x1d", left), "");
    EXPECT_TRUE(left);
}

}  // namespace
}  // namespace hvis::cli

#include "worker/config_file.h"

#include <cstdio>
#include <fstream>

#include <gtest/gtest.h>

namespace hvis::worker {
namespace {

TEST(ConfigFile, LoadsTheExampleOfTheDocumentation) {
    const auto config = load_config(HVIS_EXAMPLE_CONFIG);
    EXPECT_TRUE(config) << config.error().to_string();
}

TEST(ConfigFile, SaysWhyAFileCannotBeRead) {
    EXPECT_EQ(load_config("/nonexistent").error().to_string(),
              "cannot be opened: No such file or directory");
    EXPECT_EQ(load_config("/").error().to_string(), "cannot be read: Is a directory");
    const std::string large = testing::TempDir() + "hvis-large.json";
    std::ofstream(large) << std::string(kMaxConfigBytes + 100, ' ');
    EXPECT_EQ(load_config(large).error().to_string(), "longer than 1048576 bytes");
    std::remove(large.c_str());
}

}  // namespace
}  // namespace hvis::worker

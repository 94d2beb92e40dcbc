#include "worker/config_file.h"

#include <cstdio>
#include <fstream>

#include <gtest/gtest.h>

namespace hvis::worker {
namespace {

TEST(ConfigFile, LoadsTheExampleOfTheDocumentation) {
    const auto config = load_config(HVIS_EXAMPLE_CONFIG);
    EXPECT_TRUE(config) << config.error().error.to_string();
}

TEST(ConfigFile, SaysWhyAFileCannotBeRead) {
    EXPECT_EQ(load_config("/nonexistent").error().error.to_string(),
              "cannot be opened: No such file or directory");
    EXPECT_EQ(load_config("/").error().error.to_string(), "cannot be read: Is a directory");
    const std::string large = testing::TempDir() + "hvis-large.json";
    std::ofstream(large) << std::string(kMaxConfigBytes + 100, ' ');
    EXPECT_EQ(load_config(large).error().error.to_string(), "longer than 1048576 bytes");
    std::remove(large.c_str());
}

TEST(ConfigFile, TellsWhereARefusedOneWantsItsLastWords) {
    const std::string path = testing::TempDir() + "hvis-refused.json";
    const auto words_of = [&](const std::string& text) {
        std::ofstream(path) << text;
        const auto config = load_config(path);
        EXPECT_FALSE(config);
        return config ? "accepted" : config.error().last_words;
    };
    EXPECT_EQ(words_of(R"({"last_words":"/x/words.json","memory":"1"})"), "/x/words.json");
    EXPECT_EQ(words_of(R"({"memory":"1"})"), "");
    EXPECT_EQ(words_of(R"({"last_words":7})"), "");
    EXPECT_EQ(words_of(R"({"last_words":")" + std::string(kMaxPathBytes + 1, 'x') + R"("})"), "");
    EXPECT_EQ(words_of(R"(["last_words"])"), "");
    EXPECT_EQ(words_of(R"({"last_words":"/x/words.json")"), "");
    std::remove(path.c_str());
}

}  // namespace
}  // namespace hvis::worker

#include "manager/supervisor/last_words.h"

#include <filesystem>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "manager/supervisor/vm_files.h"

namespace hvis::manager {
namespace {

using control::Json;

Json whole() {
    return {{"run", "5c0a3f5e-8f43-4f6c-9d36-0a1b2c3d4e5f"},
            {"ended", "2026-01-01T00:00:00.000Z"},
            {"state", "crashed"},
            {"reason", "panic"},
            {"exit_status", 1},
            {"events", {{{"sequence", 1}}}},
            {"next", 2}};
}

TEST(LastWords, AreReadWhole) {
    const auto words = parse_last_words(whole());
    ASSERT_TRUE(words) << words.error().to_string();
    EXPECT_EQ(words->state, LastWords::State::kCrashed);
    EXPECT_EQ(words->reason, "panic");
    EXPECT_EQ(words->exit_status, 1);
    EXPECT_EQ(words->events.size(), 1U);
    EXPECT_EQ(words->next, 2U);
}

TEST(LastWords, AreRefusedWhereAFieldIsBad) {
    for (const char* name : {"run", "state", "events", "next"}) {
        Json value = whole();
        value.erase(name);
        EXPECT_EQ(parse_last_words(value).error().pointer, "/" + std::string(name));
        value[name] = true;
        EXPECT_EQ(parse_last_words(value).error().pointer, "/" + std::string(name));
    }
    Json value = whole();
    value["exit_status"] = 256;
    EXPECT_EQ(parse_last_words(value).error().pointer, "/exit_status");
    EXPECT_FALSE(parse_last_words(Json::array()));
}

TEST(LastWords, OfALaterWorkerMayHoldMore) {
    Json value = whole();
    value["mood"] = "calm";
    EXPECT_TRUE(parse_last_words(value));
}

TEST(LastWords, FileMayBeMissingButNotBroken) {
    const std::string path = testing::TempDir() + "hvis-last-words.json";
    std::filesystem::remove(path);
    const auto none = read_last_words(path);
    ASSERT_TRUE(none);
    EXPECT_FALSE(*none);
    ASSERT_TRUE(write_whole(path, whole().dump()));
    EXPECT_TRUE(read_last_words(path)->has_value());
    ASSERT_TRUE(write_whole(path, "{\"run\":"));
    EXPECT_FALSE(read_last_words(path));
    std::filesystem::remove(path);
}

}  // namespace
}  // namespace hvis::manager

#include "worker/last_words.h"

#include <filesystem>
#include <fstream>
#include <iterator>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "control/json.h"

namespace hvis::worker {
namespace {

namespace fs = std::filesystem;

constexpr Guid kRun = "91d2031e-5213-4934-818b-38d90ced39db"_guid;

class LastWordsTest : public testing::Test {
protected:
    LastWordsTest() {
        set_log_level(LogLevel::kError);
        EXPECT_NE(::mkdtemp(directory_.data()), nullptr);
    }
    ~LastWordsTest() override { fs::remove_all(directory_); }

    [[nodiscard]] std::string text() const {
        std::ifstream file(path());
        return {std::istreambuf_iterator<char>(file), {}};
    }
    [[nodiscard]] std::string path() const { return directory_ + "/words.json"; }
    [[nodiscard]] size_t files() const {
        return static_cast<size_t>(std::distance(fs::directory_iterator(directory_), {}));
    }

    std::string directory_ = testing::TempDir() + "hvis-words-XXXXXX";
    control::EventLog events_{3};
};

TEST_F(LastWordsTest, TellHowItEndedAndEveryEventThatWasKept) {
    auto last = LastWords::open(path(), kRun);
    ASSERT_TRUE(last) << last.error().what;
    for (int count = 0; count < 5; ++count) {
        events_.record(control::EventId::kVmPaused, {}, {});
    }
    ASSERT_TRUE(last->write(
        {.state = Ending::State::kCrashed, .reason = "so \xff it was", .exit_status = 1}, events_));

    const auto words = control::Json::parse(text());
    EXPECT_EQ(words.at("run"), kRun.to_string());
    EXPECT_EQ(words.at("state"), "crashed");
    EXPECT_EQ(words.at("reason"), "so \xef\xbf\xbd it was");
    EXPECT_EQ(words.at("exit_status"), 1);
    EXPECT_EQ(words.at("next"), 6);
    EXPECT_EQ(words.at("ended").get<std::string>().size(), 24U);
    ASSERT_EQ(words.at("events").size(), 3U);
    EXPECT_EQ(words.at("events")[0].at("sequence"), 3);
    EXPECT_EQ(files(), 1U);
    EXPECT_EQ(fs::status(path()).permissions(), fs::perms::owner_read | fs::perms::owner_write);
}

TEST_F(LastWordsTest, LeaveThoseOfTheRunBeforeUntilTheyAreWritten) {
    std::ofstream(path()) << "before";
    {
        const auto last = LastWords::open(path(), kRun);
        ASSERT_TRUE(last);
        EXPECT_EQ(files(), 2U);
    }
    EXPECT_EQ(text(), "before");
    EXPECT_EQ(files(), 1U) << "a worker that says nothing cleans up";
}

TEST_F(LastWordsTest, FollowNoLink) {
    const std::string victim = directory_ + "/victim";
    std::ofstream(victim) << "precious";
    fs::create_symlink(victim, path() + ".new");
    auto last = LastWords::open(path(), kRun);
    ASSERT_TRUE(last);
    ASSERT_TRUE(
        last->write({.state = Ending::State::kStopped, .reason = {}, .exit_status = 0}, events_));
    EXPECT_EQ(control::Json::parse(text()).at("exit_status"), 0);
    EXPECT_EQ(fs::file_size(victim), 8U);
}

TEST_F(LastWordsTest, BelongToOneWorkerAtATime) {
    auto first = LastWords::open(path(), kRun);
    ASSERT_TRUE(first);
    EXPECT_EQ(LastWords::open(path(), kRun).error().code, Errc::kState);
    EXPECT_TRUE(
        first->write({.state = Ending::State::kStopped, .reason = {}, .exit_status = 0}, events_));
    EXPECT_TRUE(LastWords::open(path(), kRun));
}

TEST_F(LastWordsTest, TakeTheWayFromAWorkerThatWasKilled) {
    std::ofstream(path() + ".new") << "half of its wo";
    auto last = LastWords::open(path(), kRun);
    ASSERT_TRUE(last);
    ASSERT_TRUE(
        last->write({.state = Ending::State::kStopped, .reason = {}, .exit_status = 0}, events_));
    EXPECT_EQ(control::Json::parse(text()).at("exit_status"), 0);
}

TEST_F(LastWordsTest, SayWhatIsWrongWithTheirPath) {
    EXPECT_EQ(LastWords::open(directory_ + "/none/words", kRun).error().os_error, ENOENT);
    EXPECT_EQ(LastWords::open(directory_ + "/", kRun).error().code, Errc::kInvalid);
    EXPECT_EQ(LastWords::open(directory_ + "/..", kRun).error().code, Errc::kInvalid);
}

}  // namespace
}  // namespace hvis::worker

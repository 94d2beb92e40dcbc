// Each case kills a process of its own, and looks at what that left.
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control/json.h"
#include "worker/last_words.h"

namespace hvis::worker {
namespace {

constexpr Guid kRun = "91d2031e-5213-4934-818b-38d90ced39db"_guid;

class FatalWordsTest : public testing::Test {
protected:
    FatalWordsTest() { EXPECT_NE(::mkdtemp(directory_.data()), nullptr); }
    ~FatalWordsTest() override { std::filesystem::remove_all(directory_); }

    /// Runs `end` in a process that is to leave words; returns the signal that ended it.
    int end_by(void (*end)()) const {
        const pid_t child = ::fork();
        if (child == 0) {
            const rlimit no_core{};
            ::setrlimit(RLIMIT_CORE, &no_core);
            set_log_level(LogLevel::kError);
            for (const int signal : {SIGABRT, SIGSEGV}) {
                std::signal(signal, SIG_DFL);  // the sanitizer's are not what is tested
            }
            control::EventLog events;
            events.record(control::EventId::kVmPaused, {}, {});
            auto words = LastWords::open(path(), kRun);
            words->arm(events);
            end();
            ::_exit(0);
        }
        int status = 0;
        EXPECT_EQ(::waitpid(child, &status, 0), child);
        return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    }
    [[nodiscard]] std::string path() const { return directory_ + "/words.json"; }
    void expect_words(int signal) const {
        std::ifstream file(path());
        const std::string text{std::istreambuf_iterator<char>(file), {}};
        const auto words = control::Json::parse(text);
        EXPECT_EQ(words.at("run"), kRun.to_string());
        EXPECT_EQ(words.at("state"), "failed");
        EXPECT_EQ(words.at("reason"), "signal " + std::to_string(signal) + " ended the worker");
        EXPECT_EQ(words.at("exit_status"), 128 + signal);
        EXPECT_EQ(words.at("next"), 2);
        EXPECT_TRUE(words.at("events").empty());
        const std::string ended = words.at("ended");
        ASSERT_EQ(ended.size(), 24U) << ended;
        EXPECT_EQ(ended[10], 'T');
        EXPECT_EQ(ended.back(), 'Z');
    }

    std::string directory_ = testing::TempDir() + "hvis-fatal-XXXXXX";
};

TEST_F(FatalWordsTest, AreLeftByAProcessThatAborts) {
    EXPECT_EQ(end_by([] { std::abort(); }), SIGABRT);
    expect_words(SIGABRT);
}

TEST_F(FatalWordsTest, AreLeftByAFault) {
    EXPECT_EQ(end_by([] { ::raise(SIGSEGV); }), SIGSEGV);
    expect_words(SIGSEGV);
}

TEST_F(FatalWordsTest, AreLeftByAHangUp) {
    EXPECT_EQ(end_by([] { ::kill(::getpid(), SIGHUP); }), SIGHUP);
    expect_words(SIGHUP);
}

TEST_F(FatalWordsTest, AreLeftWhereAnotherThreadFails) {
    EXPECT_EQ(end_by([] {
                  std::thread other([] { ::raise(SIGSEGV); });
                  other.join();
              }),
              SIGSEGV);
    expect_words(SIGSEGV);
}

TEST_F(FatalWordsTest, AreNotLeftByKill) {
    EXPECT_EQ(end_by([] { ::raise(SIGKILL); }), SIGKILL);
    EXPECT_FALSE(std::filesystem::exists(path()));
}

}  // namespace
}  // namespace hvis::worker

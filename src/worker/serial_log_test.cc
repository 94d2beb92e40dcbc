#include "worker/serial_log.h"

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

namespace hvis::worker {
namespace {

namespace fs = std::filesystem;

class SerialLogTest : public testing::Test {
protected:
    SerialLogTest() { EXPECT_NE(::mkdtemp(directory_.data()), nullptr); }
    ~SerialLogTest() override { fs::remove_all(directory_); }

    [[nodiscard]] std::string path(const std::string& end = {}) const {
        return directory_ + "/serial.log" + end;
    }
    [[nodiscard]] std::string text(const std::string& end = {}) const {
        std::ifstream file(path(end));
        return {std::istreambuf_iterator<char>(file), {}};
    }
    static void append(SerialLog& log, std::string_view text) {
        log.append(std::as_bytes(std::span(text)));
    }

    std::string directory_ = testing::TempDir() + "hvis-log-XXXXXX";
};

TEST_F(SerialLogTest, KeepsTheNewestInTwoFiles) {
    auto log = SerialLog::open(path(), 4);
    ASSERT_TRUE(log) << log.error().what;
    append(*log, "ab");
    EXPECT_EQ(text(), "ab");
    append(*log, "cdefghij");
    EXPECT_EQ(text(".1"), "efgh");
    EXPECT_EQ(text(), "ij");
    append(*log, "klm");
    EXPECT_EQ(text(".1"), "ijkl");
    EXPECT_EQ(text(), "m");
    EXPECT_EQ(std::distance(fs::directory_iterator(directory_), {}), 2);
    EXPECT_EQ(log->lost(), 0U);
}

TEST_F(SerialLogTest, GoesOnWhereTheLastRunEnded) {
    auto before = SerialLog::open(path(), 4);
    append(*before, "abc");
    auto log = SerialLog::open(path(), 4);
    append(*log, "de");
    EXPECT_EQ(text(".1"), "abcd");
    EXPECT_EQ(text(), "e");
}

TEST_F(SerialLogTest, BearsAFileThatIsLongerThanItMayBe) {
    std::ofstream(path()) << "far too long";
    auto log = SerialLog::open(path(), 4);
    append(*log, "ab");
    EXPECT_EQ(text(".1"), "far too long");
    EXPECT_EQ(text(), "ab");
}

TEST_F(SerialLogTest, TakesOnlyRegularFiles) {
    fs::create_symlink("/dev/null", path());
    EXPECT_FALSE(SerialLog::open(path()));
    fs::remove(path());
    ASSERT_EQ(::mkfifo(path().c_str(), 0600), 0);
    EXPECT_FALSE(SerialLog::open(path()));
    EXPECT_EQ(SerialLog::open(directory_ + "/none/log").error().os_error, ENOENT);
}

TEST_F(SerialLogTest, CountsWhatCouldNotBeWritten) {
    auto log = SerialLog::open(path());
    ASSERT_TRUE(log);
    // As a full disk: writes past this place fail with EFBIG.
    std::signal(SIGXFSZ, SIG_IGN);
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
    const rlimit small{.rlim_cur = 2, .rlim_max = before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
    append(*log, "abcde");
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
    EXPECT_EQ(log->lost(), 3U);
    EXPECT_EQ(text(), "ab");
}

}  // namespace
}  // namespace hvis::worker

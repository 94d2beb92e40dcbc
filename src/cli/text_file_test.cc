#include "cli/text_file.h"

#include <csignal>
#include <filesystem>

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "cli/http/fake_server.h"

namespace hvis::cli {
namespace {

/// A folder of its own, from a server that nobody asks.
class TextFile : public testing::Test {
protected:
    [[nodiscard]] std::string path(const std::string& name) const {
        return server_.directory() + "/" + name;
    }
    [[nodiscard]] std::string text_of(const std::string& name) const {
        return read_file(path(name), 100).value_or("unreadable");
    }
    [[nodiscard]] size_t files() const {
        return static_cast<size_t>(
            std::distance(std::filesystem::directory_iterator(server_.directory()), {}));
    }

private:
    FakeServer server_{[](const FakeRequest&) { return std::string(); }};
};

TEST_F(TextFile, IsReplacedWithItsPermissions) {
    ASSERT_TRUE(replace_file(path("a"), "old"));
    EXPECT_EQ(text_of("a"), "old");
    ASSERT_EQ(::chmod(path("a").c_str(), 0640), 0);
    ASSERT_TRUE(replace_file(path("a"), "new"));
    EXPECT_EQ(text_of("a"), "new");
    struct stat status = {};
    ASSERT_EQ(::stat(path("a").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777U, 0640U);
}

TEST_F(TextFile, IsReplacedBehindASymbolicLink) {
    ASSERT_TRUE(replace_file(path("a"), "old"));
    std::filesystem::create_symlink("a", path("link"));
    ASSERT_TRUE(replace_file(path("link"), "new"));
    EXPECT_EQ(text_of("a"), "new");
    EXPECT_TRUE(std::filesystem::is_symlink(path("link")));
}

TEST_F(TextFile, StaysAsItWasWhereItCannotBeWritten) {
    ASSERT_TRUE(replace_file(path("a"), "old"));
    const size_t before = files();
    // The least of what a full disk does: a write falls short, and the next one fails.
    rlimit limit = {};
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &limit), 0);
    const auto former_action = std::signal(SIGXFSZ, SIG_IGN);
    const rlimit small = {.rlim_cur = 2, .rlim_max = limit.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
    const auto written = replace_file(path("a"), "new text");
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
    (void)std::signal(SIGXFSZ, former_action);
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().message, "cannot write " + path("a") + ": File too large");
    EXPECT_EQ(text_of("a"), "old");
    EXPECT_EQ(files(), before) << "what was begun is left behind";
}

TEST_F(TextFile, NamesTheErrorOfTheSystem) {
    EXPECT_EQ(read_file("/tmp", 100).error().message, "cannot read /tmp: Is a directory");
    EXPECT_EQ(read_file("/tmp", 100).error().code, control::ErrorCode::kUsage);
    EXPECT_EQ(read_file(path("none"), 100).error().message,
              "cannot read " + path("none") + ": No such file or directory");
    EXPECT_EQ(replace_file("/tmp", "x").error().message, "cannot write /tmp: Is a directory");
    EXPECT_EQ(replace_file("/dev/full", "x").error().message,
              "cannot write /dev/full: No space left on device");
    EXPECT_TRUE(replace_file("/dev/null", "x"));
    EXPECT_TRUE(std::filesystem::is_character_file("/dev/null"));
}

TEST_F(TextFile, IsReadNoFurtherThanAsked) {
    EXPECT_EQ(read_file("/dev/zero", 100).value(), std::string(100, '\0'));
}

}  // namespace
}  // namespace hvis::cli

#include "manager/directories.h"

#include <cerrno>

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "manager/store/test_file.h"

namespace hvis::manager {
namespace {

using testing::HasSubstr;

unsigned mode_of(const std::string& path) {
    struct stat info{};
    EXPECT_EQ(::stat(path.c_str(), &info), 0) << path;
    return info.st_mode & 0777U;
}

TEST(Directories, AreMadeWithWhatIsMissingAboveTheUsualOnes) {
    const TestFolder folder;
    const Config::Directories usual = {.state = folder.file(".local/state/hvis"),
                                       .runtime = folder.file("run/hvis")};
    must(make_directories(usual, usual));
    EXPECT_EQ(mode_of(folder.file(".local")), 0700U);
    EXPECT_EQ(mode_of(folder.file(".local/state")), 0700U);
    EXPECT_EQ(mode_of(folder.file("run")), 0700U);
    for (const std::string& made : {usual.state, usual.runtime}) {
        EXPECT_EQ(mode_of(made) & 0700U, 0700U);
        EXPECT_EQ(mode_of(made + "/vms") & 0707U, 0700U);
    }
    must(make_directories(usual, usual));
}

TEST(Directories, ThatSomebodyNamedAreNotMadeInOneThatIsMissing) {
    const TestFolder folder;
    const auto refused = make_directories(
        {.state = folder.file("typo/hvis"), .runtime = folder.file("run")}, Config::Directories());
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message, HasSubstr("typo/hvis: No such file or directory"));
    EXPECT_THAT(refused.error().hint, HasSubstr("mkdir -p " + folder.file("typo")));
    EXPECT_FALSE(std::filesystem::exists(folder.file("typo")));
}

TEST(Directories, HaveAHintForEachFault) {
    for (const int error : {ENOENT, ENOTDIR, ENOSPC, EROFS, EACCES}) {
        EXPECT_NE(directory_hint("/srv/hvis", error), "") << error;
    }
    EXPECT_THAT(directory_hint("/srv/hvis", EACCES), HasSubstr("hvisd's user"));
}

}  // namespace
}  // namespace hvis::manager

#include "manager/api/images.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>

namespace hvis::manager {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

VmSummary vm_with(const std::string& kernel, const std::string& initrd = {}) {
    VmSummary vm;
    vm.definition.kernel = kernel;
    vm.definition.initrd = initrd;
    return vm;
}

TEST(Images, AreUsedByTheVmsThatLeadToThem) {
    const Images images("/state//images");
    EXPECT_THAT(images.used_by({vm_with("/boot/vmlinuz"), vm_with("/state/images2/a/kernel")}),
                IsEmpty());
    EXPECT_THAT(images.used_by({vm_with("/state/images/a/kernel", "/state/images/b/initrd"),
                                vm_with("/boot/../state//images/c/kernel")}),
                ElementsAre("a", "b", "c"));
}

TEST(Images, AreNotWhatIsNoFileOfAnImport) {
    const Images images("/state/images");
    for (const char* path : {"", "/state/images", "/state/images/", "/state/images/file",
                             "/state/images/a/../file", "/state/images/a/.."}) {
        EXPECT_THAT(images.used_by({vm_with(path)}), IsEmpty()) << path;
    }
}

/// A directory with folders of imports in it.
class ImagesTest : public testing::Test {
protected:
    ImagesTest() {
        std::string name = "/tmp/hvis-images-XXXXXX";
        directory = ::mkdtemp(name.data());
    }
    ~ImagesTest() override { std::filesystem::remove_all(directory); }

    void make(const std::string& folder, const std::vector<std::string>& files) const {
        std::filesystem::create_directory(directory / folder);
        for (const std::string& file : files) {
            std::ofstream(directory / folder / file) << "1234567";
        }
    }
    [[nodiscard]] bool is_there(const std::string& path) const {
        return std::filesystem::exists(directory / path);
    }

    std::filesystem::path directory;
};

std::string mark() { return std::string(Images::kMark); }

TEST_F(ImagesTest, OfAnUnfinishedImportAreSwept) {
    const Images images(directory);
    make("a", {mark(), "kernel", "initrd"});
    make("b.partial-x1y2z3", {mark(), "kernel"});
    make("c.partial-x1y2z3", {});
    EXPECT_THAT(images.unfinished({}),
                testing::UnorderedElementsAre("a", "b.partial-x1y2z3", "c.partial-x1y2z3"));
    EXPECT_EQ(images.sweep("a"), 14U);
    EXPECT_EQ(images.sweep("b.partial-x1y2z3"), 7U);
    EXPECT_EQ(images.sweep("c.partial-x1y2z3"), 0U);
    EXPECT_TRUE(std::filesystem::is_empty(directory));
}

TEST_F(ImagesTest, WithoutAMarkAreNotTouched) {
    const Images images(directory);
    make("finished", {"kernel"});
    make("mine", {"notes"});
    make("mine.partial-backup", {"notes"});
    make("elsewhere", {});
    std::filesystem::create_directory_symlink(directory / "elsewhere",
                                              directory / "link.partial-1");
    std::ofstream(directory / "file.partial-1") << "x";
    EXPECT_THAT(images.unfinished({}), IsEmpty());
    EXPECT_THAT(Images("/none/at/all").unfinished({}), IsEmpty());
}

TEST_F(ImagesTest, OfAVmThatWasDefinedStayAndLoseTheMark) {
    const Images images(directory);
    make("a", {mark(), "kernel"});
    EXPECT_THAT(images.unfinished({"a"}), IsEmpty());
    EXPECT_FALSE(is_there("a/" + mark()));
    EXPECT_TRUE(is_there("a/kernel"));
}

TEST_F(ImagesTest, WithAnythingElseInThemStay) {
    const Images images(directory);
    make("a", {mark(), "kernel", "notes"});
    const auto swept = images.sweep("a");
    ASSERT_FALSE(swept);
    EXPECT_THAT(swept.error().message, testing::HasSubstr((directory / "a").string()));
    EXPECT_TRUE(is_there("a/notes"));
}

TEST_F(ImagesTest, AreSweptOnlySoManyAtOneStart) {
    const Images images(directory);
    for (size_t number = 0; number <= Images::kMaxSwept; ++number) {
        make(std::to_string(number), {mark()});
    }
    EXPECT_EQ(images.unfinished({}).size(), Images::kMaxSwept);
}

TEST_F(ImagesTest, AreDeletedByName) {
    const Images images(directory);
    for (const char* folder : {"a", "b"}) {
        make(folder, {"kernel"});
    }
    images.remove({"a", "none"});
    EXPECT_FALSE(is_there("a"));
    EXPECT_TRUE(is_there("b/kernel"));
}

}  // namespace
}  // namespace hvis::manager

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

TEST(Images, AreDeletedByName) {
    std::string name = "/tmp/hvis-images-XXXXXX";
    const std::filesystem::path directory = ::mkdtemp(name.data());
    const Images images(directory);
    for (const char* folder : {"a", "b"}) {
        std::filesystem::create_directory(directory / folder);
        std::ofstream(directory / folder / "kernel") << "k";
    }
    images.remove({"a", "none"});
    EXPECT_FALSE(std::filesystem::exists(directory / "a"));
    EXPECT_TRUE(std::filesystem::exists(directory / "b" / "kernel"));
    std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace hvis::manager

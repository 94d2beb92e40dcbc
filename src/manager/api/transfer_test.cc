#include "manager/api/transfer.h"

#include <filesystem>
#include <fstream>

#include <fcntl.h>
#include <gmock/gmock.h>

#include "manager/api/file_copy.h"
#include "manager/api/images.h"
#include "manager/definition/worker_config.h"
#include "manager/store/test_file.h"

namespace hvis::manager {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class TransferTest : public ::testing::Test {
protected:
    TransferTest() {
        std::string name = "/tmp/hvis-transfer-XXXXXX";
        directory_ = ::mkdtemp(name.data());
        std::ofstream(directory_ / "vmlinuz") << std::string(5'000'000, 'k');
        vm_.definition.name = "web";
        vm_.definition.memory = 1U << 30U;
        vm_.definition.kernel = (directory_ / "vmlinuz").string();
        vm_.pairs = {{.pool = control::Pool::kExternal, .key = "role", .value = "front"}};
    }
    ~TransferTest() override { std::filesystem::remove_all(directory_); }

    [[nodiscard]] std::string path(const std::string& name) const { return directory_ / name; }
    [[nodiscard]] std::vector<std::string> entries() const {
        std::vector<std::string> names;
        for (const auto& entry : std::filesystem::directory_iterator(directory_)) {
            names.push_back(entry.path().filename());
        }
        std::ranges::sort(names);
        return names;
    }
    Result<void, Failure> write() {
        return export_to(
            path("export"), vm_, [this](double fraction, const std::string&) { seen_ = fraction; },
            cancelled_);
    }
    Result<TransferredVm, Failure> read() {
        return import_from(
            path("export"), path("images"), [](double, const std::string&) {}, cancelled_);
    }

    std::filesystem::path directory_;
    TransferredVm vm_;
    std::atomic<bool> cancelled_{false};
    double seen_ = -1;
};

TEST_F(TransferTest, BringsAVmBack) {
    ASSERT_TRUE(write());
    EXPECT_GE(seen_, 0);
    const auto back = read();
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_EQ(back->pairs, vm_.pairs);
    EXPECT_EQ(back->definition.kernel, path("images/kernel"));
    EXPECT_EQ(std::filesystem::file_size(back->definition.kernel), 5'000'000U);
    EXPECT_TRUE(std::filesystem::exists(path("images/" + std::string(Images::kMark))))
        << "until the VM is defined";
}

TEST_F(TransferTest, MakesNoFolderForAVmWithoutFiles) {
    vm_.definition.partition = PartitionKind::kLoopback;
    vm_.definition.kernel.clear();
    ASSERT_TRUE(write());
    const auto back = read();
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_EQ(back->pairs, vm_.pairs);
    EXPECT_FALSE(std::filesystem::exists(path("images")));
}

TEST_F(TransferTest, LeavesNothingWhenCancelledOrWithoutTheFile) {
    cancelled_ = true;
    EXPECT_EQ(write().error().outcome, "cancelled");
    EXPECT_THAT(entries(), ElementsAre("vmlinuz"));
    cancelled_ = false;
    vm_.definition.kernel = path("none");
    EXPECT_THAT(write().error().message, HasSubstr("No such file"));
    EXPECT_THAT(entries(), ElementsAre("vmlinuz"));
}

TEST_F(TransferTest, SaysWhatToDoAboutAPathThatCannotBeUsed) {
    const auto nowhere = read();
    ASSERT_FALSE(nowhere);
    EXPECT_EQ(nowhere.error().code, control::ErrorCode::kNotFound);
    EXPECT_THAT(nowhere.error().hint, HasSubstr("check the path"));
    write_file(path("export"), "a file");
    EXPECT_THAT(read().error().hint, HasSubstr("no directory"));
    std::filesystem::remove(path("export"));
    std::filesystem::create_symlink(vm_.definition.kernel, path("link"));
    const UniqueFd folder(::open(directory_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    EXPECT_THAT(open_regular(folder.get(), "link").error().hint, HasSubstr("symbolic link"));
    EXPECT_EQ(open_regular(folder.get(), "none").error().code, control::ErrorCode::kNotFound);
}

TEST_F(TransferTest, TakesNoNameThatIsThere) {
    ASSERT_TRUE(write());
    EXPECT_EQ(write().error().outcome, "conflict");
    std::filesystem::create_symlink("/nowhere", path("images"));
    EXPECT_EQ(read().error().outcome, "conflict");
}

TEST_F(TransferTest, RefusesMorePairsThanAVmMayHave) {
    for (size_t number = 1; number < kMaxHeldPairs; ++number) {
        vm_.pairs.push_back({.pool = control::Pool::kExternal,
                             .key = "key " + std::to_string(number),
                             .value = ""});
    }
    ASSERT_TRUE(write());
    EXPECT_EQ(read()->pairs.size(), kMaxHeldPairs);
    std::filesystem::remove_all(path("images"));
    std::filesystem::remove_all(path("export"));
    vm_.pairs.push_back({.pool = control::Pool::kExternal, .key = "more", .value = ""});
    ASSERT_TRUE(write());
    EXPECT_THAT(read().error().message, HasSubstr("more than 112 in a pool"));
    std::filesystem::remove_all(path("export"));
    vm_.pairs = {vm_.pairs[0], vm_.pairs[0]};
    ASSERT_TRUE(write());
    EXPECT_THAT(read().error().message, HasSubstr("two pairs of a pool have the same key"));
}

TEST_F(TransferTest, RefusesAHalfExportAndLeavesNothing) {
    ASSERT_TRUE(write());
    std::filesystem::resize_file(path("export/kernel"), 1000);
    const auto half = read();
    ASSERT_FALSE(half);
    EXPECT_THAT(half.error().message, HasSubstr("not what manifest.json says"));
    std::filesystem::remove(path("export/manifest.json"));
    EXPECT_THAT(read().error().hint, HasSubstr("not complete"));
    EXPECT_THAT(entries(), ElementsAre("export", "vmlinuz"));
}

TEST_F(TransferTest, RefusesWhatItsChecksumsDoNotCover) {
    ASSERT_TRUE(write());
    const std::string manifest = path("export/manifest.json");
    std::string text = read_file(manifest);
    std::ofstream(manifest) << text.replace(text.find("front"), 5, "other");
    EXPECT_THAT(read().error().message, HasSubstr("manifest.json is not what SHA256SUMS says"));
    std::filesystem::resize_file(path("export/SHA256SUMS"), 100);
    EXPECT_THAT(read().error().message, HasSubstr("not a list of checksums"));
    std::filesystem::remove(path("export/SHA256SUMS"));
    const auto bare = read();
    EXPECT_THAT(bare.error().message, HasSubstr("cannot open SHA256SUMS"));
    EXPECT_THAT(bare.error().hint, HasSubstr("Earlier versions wrote none"));
    EXPECT_EQ(bare.error().code, control::ErrorCode::kUsage);
    EXPECT_THAT(entries(), ElementsAre("export", "vmlinuz"));
}

}  // namespace
}  // namespace hvis::manager

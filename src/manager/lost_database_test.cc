#include "manager/lost_database.h"

#include <gmock/gmock.h>

#include "manager/store/test_file.h"

namespace hvis::manager {
namespace {

using testing::HasSubstr;

class LostDatabaseTest : public testing::Test {
protected:
    void make(const std::string& file) {
        const std::filesystem::path path = folder.file(file);
        std::filesystem::create_directories(path.parent_path());
        write_file(path, "x");
    }
    [[nodiscard]] Result<void, control::Failure> check() const {
        return check_not_lost(folder.file("state/hvis.db"),
                              {.state = folder.file("state"), .runtime = folder.file("run")});
    }

    TestFolder folder;
};

TEST_F(LostDatabaseTest, LetsTheFirstStartBe) {
    EXPECT_TRUE(check()) << "nothing is there at all";
    std::filesystem::create_directories(folder.file("state/vms"));
    std::filesystem::create_directories(folder.file("run/vms"));
    EXPECT_TRUE(check());
}

TEST_F(LostDatabaseTest, SaysWhichVmWouldBeForgotten) {
    make("state/vms/one/worker.log");
    const auto refused = check();
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message, HasSubstr("state/hvis.db is gone"));
    EXPECT_THAT(refused.error().message, HasSubstr("state/vms/one"));
    EXPECT_THAT(refused.error().hint, HasSubstr("hvisd --restore BACKUP"));
    EXPECT_THAT(refused.error().hint, HasSubstr("remove"));
}

TEST_F(LostDatabaseTest, NamesAVmThatMayRunFirst) {
    make("state/vms/one/worker.log");
    make("run/vms/two/control.sock");
    const auto refused = check();
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message, HasSubstr("run/vms/two"));
}

TEST_F(LostDatabaseTest, MindsNoFolderThatAnEndedWorkerLeft) {
    make("run/vms/one/config.json");
    EXPECT_TRUE(check());
}

TEST_F(LostDatabaseTest, LeavesALogWithoutItsDatabaseToOthers) {
    make("state/vms/one/worker.log");
    make("state/hvis.db-wal");
    EXPECT_TRUE(check());
    std::filesystem::resize_file(folder.file("state/hvis.db-wal"), 0);
    EXPECT_FALSE(check()) << "an empty one is none";
}

TEST_F(LostDatabaseTest, IsContentWithADatabase) {
    make("state/vms/one/worker.log");
    make("state/hvis.db");
    EXPECT_TRUE(check());
}

}  // namespace
}  // namespace hvis::manager

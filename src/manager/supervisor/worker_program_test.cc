#include "manager/supervisor/worker_program.h"

#include <filesystem>

#include <gmock/gmock.h>

#include "manager/store/test_file.h"

namespace hvis::manager {
namespace {

using testing::HasSubstr;

class WorkerProgramTest : public testing::Test {
protected:
    void put(const std::string& name, std::filesystem::perms mode) const {
        const std::filesystem::path path = folder.file(name);
        std::filesystem::create_directories(path.parent_path());
        write_file(path, "#!/bin/sh\n");
        std::filesystem::permissions(path, mode);
    }

    TestFolder folder;
};

TEST_F(WorkerProgramTest, IsLookedForBesideHvisdThenInThePath) {
    using std::filesystem::perms;
    const std::string path = folder.file("empty") + ":relative::" + folder.file("plain") + ":" +
                             folder.file("bin") + ":" + folder.file("later");
    EXPECT_EQ(find_worker_program(folder.file("sbin"), path), "/usr/bin/hvis-vm");
    EXPECT_EQ(find_worker_program(folder.file("sbin"), ""), "/usr/bin/hvis-vm");
    put("plain/hvis-vm", perms::owner_read);
    put("bin/hvis-vm", perms::owner_all);
    put("later/hvis-vm", perms::owner_all);
    EXPECT_EQ(find_worker_program(folder.file("sbin"), path), folder.file("bin/hvis-vm"));
    put("sbin/hvis-vm", perms::owner_all);
    EXPECT_EQ(find_worker_program(folder.file("sbin"), path), folder.file("sbin/hvis-vm"));
}

TEST_F(WorkerProgramTest, ThatCannotBeRunIsNamedWithItsKey) {
    EXPECT_FALSE(worker_program_failure("/bin/sh"));
    put("hvis-vm", std::filesystem::perms::owner_read);
    for (const std::string& name : {folder.file("none"), folder.file("hvis-vm"), folder.file("")}) {
        const auto failure = worker_program_failure(name);
        ASSERT_TRUE(failure) << name;
        EXPECT_EQ(failure->code, control::ErrorCode::kUsage);
        EXPECT_THAT(failure->message, HasSubstr("workers.program: " + name + " cannot be run"));
        EXPECT_NE(failure->hint, "");
    }
}

}  // namespace
}  // namespace hvis::manager

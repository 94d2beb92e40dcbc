#include "manager/supervisor/unknown_workers.h"

#include <cstring>
#include <fstream>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "manager/supervisor/supervisor_fixture.h"

namespace hvis::manager {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr const char* kId = "11111111-2222-3333-4444-555555555555";

class UnknownWorkersTest : public SupervisorTest {
protected:
    std::string file(const std::string& id, const std::string& name) {
        std::filesystem::create_directories(directory + "/vms/" + id);
        return directory + "/vms/" + id + "/" + name;
    }
    UniqueFd hold(const std::string& path) {
        UniqueFd lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
        EXPECT_EQ(::flock(lock.get(), LOCK_EX | LOCK_NB), 0);
        return lock;
    }
    UniqueFd listen(const std::string& path) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, path.data(), path.size());
        UniqueFd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
        // SAFETY: the address types of the socket API are made for this cast.
        const auto* const name = reinterpret_cast<const sockaddr*>(&address);
        EXPECT_EQ(::bind(socket.get(), name, sizeof(address)), 0) << path;
        EXPECT_EQ(::listen(socket.get(), 1), 0);
        return socket;
    }
    std::vector<UnknownWorker> look() {
        return unknown_workers(directory,
                               [&](const Guid& vm) { return supervisor->summary(vm).has_value(); });
    }
};

TEST_F(UnknownWorkersTest, AreNoneWhereNobodyLives) {
    EXPECT_THAT(look(), IsEmpty()) << "there is not even a folder";
    std::ofstream(file(kId, "config.json")) << "{}";
    std::ofstream(file(kId, "worker.lock")) << "";
    (void)listen(file(kId, "control.sock"));  // and gone
    std::ofstream(file("no-id", "worker.lock")) << "";
    const UniqueFd other = hold(file("no-id", "worker.lock"));
    EXPECT_THAT(look(), IsEmpty());
}

TEST_F(UnknownWorkersTest, AreFoundByTheirSocketWithTheirProcess) {
    const std::string path = file(kId, "control.sock");
    const UniqueFd socket = listen(path);
    const auto found = look();
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].vm.to_string(), kId);
    EXPECT_EQ(found[0].pid, ::getpid());
    EXPECT_THAT(found[0].text(), HasSubstr(std::to_string(::getpid())));
    EXPECT_THAT(found[0].hint(), HasSubstr("hvis-vm --connect " + path + " shutdown"));
    EXPECT_THAT(found[0].hint(), HasSubstr("hvis-vm --connect " + path + " power-off"));
}

TEST_F(UnknownWorkersTest, AreFoundWhereTheirQueueIsFull) {
    const std::string path = file(kId, "control.sock");
    const UniqueFd socket = listen(path);
    for (int calls = 0; calls < 4; ++calls) {
        (void)look();
    }
    EXPECT_THAT(look(), SizeIs(1));
}

TEST_F(UnknownWorkersTest, AreFoundByTheirLock) {
    const std::string path = file(kId, "worker.lock");
    const UniqueFd lock = hold(path);
    const auto found = look();
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].pid, std::nullopt);
    EXPECT_THAT(found[0].hint(), HasSubstr("fuser " + path));
}

TEST_F(UnknownWorkersTest, AreThoseOfVmsThatAnOlderDatabaseDoesNotHave) {
    const Guid web = define("web");
    const Guid db = define("db");
    ASSERT_TRUE(start(web));
    ASSERT_TRUE(start(db));
    EXPECT_THAT(look(), IsEmpty());
    close();
    std::filesystem::remove(directory + "/hvis.db");
    std::filesystem::remove(directory + "/hvis.db-wal");
    open();
    EXPECT_THAT(look(), SizeIs(2));
    tell_unknown_workers(look(), *log);
    EXPECT_EQ(count("worker_unknown"), 2);
    // Its definition makes it known, and it is adopted.
    VmDefinition again = definition("web");
    again.id = web;
    ASSERT_TRUE(supervisor->define(again));
    run_until_state(web, "running");
    EXPECT_THAT(look(), SizeIs(1));
}

}  // namespace
}  // namespace hvis::manager

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/unique_fd.h"
#include "cli/fake_hvisd.h"

namespace hvis::cli {
namespace {

using testing::HasSubstr;

/// Listens where a worker's serial port would.
UniqueFd listen_at(const std::string& path) {
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.c_str(), std::min(path.size(), sizeof(address.sun_path)));
    UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)),
              0);
    EXPECT_EQ(::listen(listener.get(), 1), 0);
    return listener;
}

TEST(Console, FindsTheSerialPortInTheRuntimeDirectoryThatHvisdNames) {
    FakeHvisd hvisd;
    const std::string runtime = hvisd.directory() + "/elsewhere";
    const std::string folder = runtime + "/vms/" + kWebId;
    std::filesystem::create_directories(folder);
    hvisd.answer("GET /api/v1/host", 200, R"({"runtime_directory":")" + runtime + "\"}");
    const Outcome none = run_hvis(hvisd.path(), {"console", "web"});
    EXPECT_EQ(none.status, 5);
    EXPECT_THAT(none.err, HasSubstr("web has no serial console at the moment"));

    const UniqueFd listener = listen_at(folder + "/serial.sock");
    const std::jthread guest([&] {
        const UniqueFd port(::accept(listener.get(), nullptr, nullptr));
        EXPECT_EQ(::send(port.get(), "login: ", 7, MSG_NOSIGNAL), 7);
    });
    const Outcome joined = run_hvis(hvisd.path(), {"console", "web"});
    EXPECT_EQ(joined.status, 0) << joined.err;
    EXPECT_EQ(joined.out, "login: ");
}

TEST(Console, IsNoneOfALoopbackVm) {
    FakeHvisd hvisd;
    hvisd.answer("GET /api/v1/vms/web", 200,
                 R"({"name":"web","state":"running","definition":{"partition":"loopback"}})");
    const Outcome outcome = run_hvis(hvisd.path(), {"console", "web"});
    EXPECT_EQ(outcome.status, 5);
    EXPECT_THAT(outcome.err, HasSubstr("web is a loopback VM"));
    EXPECT_THAT(outcome.err, testing::Not(HasSubstr("hvis start")));
}

TEST(Console, IsOnTheHostItself) {
    const Outcome outcome = run_hvis("", {"console", "web", "--url", "https://192.0.2.1:1"});
    EXPECT_EQ(outcome.status, 1);
    EXPECT_THAT(outcome.err, HasSubstr("ssh HOST hvis console web"));
}

}  // namespace
}  // namespace hvis::cli

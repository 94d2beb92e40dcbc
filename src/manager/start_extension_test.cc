#include "manager/start_extension.h"

#include <array>
#include <cstdlib>
#include <string>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/unique_fd.h"

namespace hvis::manager {
namespace {

/// What systemd is told, message by message.
class StartExtensionTest : public testing::Test {
protected:
    StartExtensionTest() {
        const std::string name = "hvis-start-" + std::to_string(::getpid());
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        name.copy(address.sun_path + 1, name.size());
        const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
        EXPECT_EQ(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), size), 0);
        ::setenv("NOTIFY_SOCKET", ("@" + name).c_str(), 1);
    }
    ~StartExtensionTest() override { ::unsetenv("NOTIFY_SOCKET"); }
    std::string next(int flags = 0) {
        std::array<char, 256> text{};
        const ssize_t length = ::recv(socket_.get(), text.data(), text.size(), flags);
        return length < 0 ? "" : std::string(text.data(), static_cast<size_t>(length));
    }

    UniqueFd socket_{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
};

TEST_F(StartExtensionTest, AsksAgainAndAgainUntilItIsOver) {
    {
        const StartExtension extension(std::chrono::milliseconds(1));
        for (int time = 0; time < 3; ++time) {
            EXPECT_EQ(next(), "EXTEND_TIMEOUT_USEC=30000000");
        }
    }
    while (!next(MSG_DONTWAIT).empty()) {
        // Sent before the end.
    }
    EXPECT_EQ(next(MSG_DONTWAIT), "");
}

TEST_F(StartExtensionTest, HasAnEnd) {
    const timeval second{.tv_sec = 1, .tv_usec = 0};
    EXPECT_EQ(::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &second, sizeof(second)), 0);
    const StartExtension extension(std::chrono::milliseconds(1), std::chrono::milliseconds(200));
    int asked = 0;
    while (!next().empty()) {
        ASSERT_LE(++asked, 250) << "one each millisecond is the most";
    }
    EXPECT_GT(asked, 0);
}

}  // namespace
}  // namespace hvis::manager

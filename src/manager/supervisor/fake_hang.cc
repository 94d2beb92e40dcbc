// A worker that hangs.
#include <array>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "manager/supervisor/fake_workers.h"

namespace hvis::manager {
namespace {

/// Inherited by the children: for one of them to listen on.
UniqueFd bound_socket(const std::string& path) {
    UniqueFd socket(::socket(AF_UNIX, SOCK_SEQPACKET, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    EXPECT_LT(path.size(), sizeof(address.sun_path));
    path.copy(address.sun_path, sizeof(address.sun_path) - 1);
    // SAFETY: the sockets API takes every address family through this one type.
    const auto* generic =
        reinterpret_cast<const sockaddr*>(&address);  // NOLINT(*-reinterpret-cast)
    EXPECT_EQ(::bind(socket.get(), generic, sizeof(address)), 0);
    return socket;
}

}  // namespace

void FakeVm::hang(Known known) {
    die();
    ::unlink(order_.files.control.c_str());
    const UniqueFd socket = bound_socket(order_.files.control);
    EXPECT_TRUE(write_whole(order_.files.config, "{}"));
    const char* file = known == Known::kYes ? order_.files.config.c_str() : "/dev/null";
    std::array<int, 2> ready{};
    EXPECT_EQ(::pipe2(ready.data(), O_CLOEXEC), 0);
    const UniqueFd reading(ready[0]);
    UniqueFd writing(ready[1]);
    pid_ = ::fork();
    if (pid_ == 0) {
        // Whoever calls listen() is the peer of those that connect, whatever it runs later.
        ::listen(socket.get(), 16);
        ::execl("/usr/bin/tail", "tail", "-f", file, nullptr);
        ::_exit(1);
    }
    writing.reset();
    char byte = 0;
    EXPECT_EQ(::read(reading.get(), &byte, 1), 0) << "the end of the pipe: it runs";
    hangs_ = true;
}

}  // namespace hvis::manager

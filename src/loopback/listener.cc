#include "loopback/listener.h"

#include <cstring>
#include <utility>

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

namespace hvis::loopback {

Result<std::unique_ptr<Listener>> Listener::create(loop::Loop& loop, std::string path,
                                                   Connected connected) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof(address.sun_path)) {
        return fail(Errc::kInvalid, "socket path is empty or too long");
    }
    std::memcpy(address.sun_path, path.data(), path.size());
    UniqueFd fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd) {
        return fail_errno("socket");
    }
    // The mode of the socket that bind makes is that of the descriptor.
    if (::fchmod(fd.get(), 0600) != 0) {
        return fail_errno("fchmod");
    }
    struct stat status{};
    if (::lstat(path.c_str(), &status) == 0 && S_ISSOCK(status.st_mode)) {
        ::unlink(path.c_str());
    }
    // SAFETY: the sockets interface takes every address family through sockaddr.
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
        return fail_errno("bind");
    }
    if (::listen(fd.get(), kBacklog) != 0) {
        return fail_errno("listen");
    }
    std::unique_ptr<Listener> listener(
        new Listener(loop, std::move(path), std::move(fd), std::move(connected)));
    HVIS_CHECK(loop.watch(listener->fd_.get(), EPOLLIN,
                          [raw = listener.get()](uint32_t) { raw->accept_some(); }));
    return listener;
}

Listener::Listener(loop::Loop& loop, std::string path, UniqueFd fd, Connected connected)
    : loop_(loop), path_(std::move(path)), fd_(std::move(fd)), connected_(std::move(connected)) {}

Listener::~Listener() {
    loop_.unwatch(fd_.get());
    ::unlink(path_.c_str());
}

void Listener::accept_some() {
    for (int count = 0; count < kMaxPerTurn; ++count) {
        UniqueFd socket(::accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        if (!socket) {
            return;
        }
        connected_(std::move(socket));
    }
}

}  // namespace hvis::loopback

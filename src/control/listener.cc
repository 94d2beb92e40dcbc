#include "control/listener.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/log.h"

namespace hvis::control {
namespace {

constexpr int kBacklog = 16;

Result<sockaddr_un> address_of(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof(address.sun_path)) {
        return fail(Errc::kInvalid, "the path of the control socket must have 1 to 107 bytes");
    }
    std::memcpy(address.sun_path, path.data(), path.size());
    return address;
}

Result<UniqueFd> new_socket() {
    UniqueFd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket) {
        return fail_errno("socket");
    }
    return socket;
}

const sockaddr* generic(const sockaddr_un& address) {
    // SAFETY: the sockets API takes every address family through this one type.
    return reinterpret_cast<const sockaddr*>(&address);  // NOLINT(*-reinterpret-cast)
}

/// Two workers that find the same stale socket must not both replace it.
Result<UniqueFd> lock_directory_of(const std::string& path) {
    const size_t slash = path.rfind('/');
    // Of "/name" the slash itself is the directory.
    const std::string directory =
        slash == std::string::npos ? "." : path.substr(0, std::max(slash, size_t{1}));
    UniqueFd lock(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!lock) {
        return fail_errno("open the directory of the control socket");
    }
    while (::flock(lock.get(), LOCK_EX) != 0) {
        if (errno != EINTR) {
            return fail_errno("lock the directory of the control socket");
        }
    }
    return lock;
}

/// Removes a socket on which nobody listens.
Result<void> remove_stale(const std::string& path, const sockaddr_un& address) {
    struct stat status{};
    if (::lstat(path.c_str(), &status) != 0) {
        return errno == ENOENT ? Result<void>() : fail_errno("lstat the control socket");
    }
    if (!S_ISSOCK(status.st_mode)) {
        return fail(Errc::kState, "the path of the control socket is in use by something else");
    }
    const UniqueFd probe = HVIS_TRY(new_socket());
    if (::connect(probe.get(), generic(address), sizeof(address)) == 0 || errno != ECONNREFUSED) {
        return fail(Errc::kState, "another process listens on the control socket");
    }
    if (::unlink(path.c_str()) != 0) {
        return fail_errno("unlink the stale control socket");
    }
    return {};
}

bool trusted(int client) {
    ucred peer{};
    socklen_t length = sizeof(peer);
    return ::getsockopt(client, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 &&
           (peer.uid == ::geteuid() || peer.uid == 0);
}

}  // namespace

Result<Listener> Listener::create(const std::string& path) {
    const sockaddr_un address = HVIS_TRY(address_of(path));
    const UniqueFd lock = HVIS_TRY(lock_directory_of(path));
    HVIS_CHECK(remove_stale(path, address));
    UniqueFd socket = HVIS_TRY(new_socket());
    // Before bind: the name gets the mode of the socket, so that it is never open to others.
    if (::fchmod(socket.get(), S_IRUSR | S_IWUSR) != 0) {
        return fail_errno("fchmod the control socket");
    }
    if (::bind(socket.get(), generic(address), sizeof(address)) != 0) {
        return fail_errno("bind the control socket");
    }
    Listener listener(std::move(socket), path);
    struct stat status{};
    if (::lstat(path.c_str(), &status) != 0) {
        return fail_errno("lstat the control socket");
    }
    listener.device_ = status.st_dev;
    listener.inode_ = status.st_ino;
    if (::listen(listener.fd(), kBacklog) != 0) {
        return fail_errno("listen on the control socket");
    }
    return listener;
}

Listener::~Listener() {
    struct stat status{};
    if (socket_ && ::lstat(path_.c_str(), &status) == 0 && status.st_dev == device_ &&
        status.st_ino == inode_) {
        ::unlink(path_.c_str());
    }
}

Result<UniqueFd> Listener::accept() const {
    while (true) {
        UniqueFd client(::accept4(fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
        if (client) {
            if (trusted(client.get())) {
                return client;
            }
            log(LogLevel::kWarning, "control", "turned away a client of another user");
            continue;
        }
        if (errno == EAGAIN) {
            return UniqueFd();
        }
        if (errno != EINTR && errno != ECONNABORTED) {
            return fail_errno("accept on the control socket");
        }
    }
}

}  // namespace hvis::control

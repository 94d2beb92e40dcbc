#include "cli/http/transport.h"

#include <cerrno>
#include <cstring>
#include <string>

#include <grp.h>
#include <netdb.h>
#include <poll.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

namespace hvis::cli {
namespace {

using control::ErrorCode;
using control::make_failure;

Failure disconnected(const char* what, int os_error) {
    Failure failure =
        make_failure(ErrorCode::kFailed, std::string(what) + ": " + std::strerror(os_error),
                     "hvisd may have been restarted: try again");
    failure.outcome = kDisconnected;
    return failure;
}

/// A stream socket without TLS.
class SocketTransport : public Transport {
public:
    explicit SocketTransport(UniqueFd socket) : socket_(std::move(socket)) {}

    Result<size_t, Failure> read_some(std::span<char> into, const Patience& patience) override {
        while (true) {
            const ssize_t got = ::recv(socket_.get(), into.data(), into.size(), 0);
            if (got >= 0) {
                return static_cast<size_t>(got);
            }
            if (errno == EAGAIN || errno == EINTR) {
                HVIS_CHECK(wait_for(socket_.get(), POLLIN, patience));
                continue;
            }
            return std::unexpected(disconnected("the connection to hvisd broke", errno));
        }
    }

    Result<void, Failure> write_all(std::span<const char> from, const Patience& patience) override {
        while (!from.empty()) {
            const ssize_t sent = ::send(socket_.get(), from.data(), from.size(), MSG_NOSIGNAL);
            if (sent >= 0) {
                from = from.subspan(static_cast<size_t>(sent));
            } else if (errno == EAGAIN || errno == EINTR) {
                HVIS_CHECK(wait_for(socket_.get(), POLLOUT, patience));
            } else {
                return std::unexpected(disconnected("the connection to hvisd broke", errno));
            }
        }
        return {};
    }

private:
    UniqueFd socket_;
};

/// Group of the socket, or of the folder that hides it; "hvis" where neither can be seen.
std::string group_of(const std::string& path) {
    struct stat found{};
    for (const std::string& place : {path, path.substr(0, path.rfind('/'))}) {
        if (::stat(place.c_str(), &found) == 0 && found.st_gid != 0) {
            const group* entry = ::getgrgid(found.st_gid);
            return entry == nullptr ? std::to_string(found.st_gid) : entry->gr_name;
        }
    }
    return "hvis";
}

std::string user_name() {
    const passwd* entry = ::getpwuid(::geteuid());
    return entry == nullptr ? "USER" : entry->pw_name;
}

Result<std::unique_ptr<Transport>, Failure> connect_unix(const UnixEndpoint& endpoint) {
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    if (endpoint.path.size() >= sizeof(address.sun_path)) {
        return std::unexpected(make_failure(
            ErrorCode::kUsage, "the path of the socket is too long: " + endpoint.path,
            "it has at most " + std::to_string(sizeof(address.sun_path) - 1) + " bytes"));
    }
    std::memcpy(address.sun_path, endpoint.path.c_str(), endpoint.path.size());
    UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    // A Unix socket connects at once, or refuses; EAGAIN is a full backlog.
    if (!socket || ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address),
                             sizeof(address)) != 0) {
        return std::unexpected(explain_unix_connect(endpoint.path, errno));
    }
    return std::make_unique<SocketTransport>(std::move(socket));
}

/// Connects one address; the errno of its failure, 0 when connected.
Result<int, Failure> connect_address(int socket, const addrinfo& address,
                                     const Patience& patience) {
    if (::connect(socket, address.ai_addr, address.ai_addrlen) == 0) {
        return 0;
    }
    if (errno != EINPROGRESS) {
        return errno;
    }
    HVIS_CHECK(wait_for(socket, POLLOUT, patience));
    int error = 0;
    socklen_t size = sizeof(error);
    ::getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size);
    return error;
}

}  // namespace

Failure explain_unix_connect(const std::string& path, int os_error) {
    Failure failure = make_failure(
        ErrorCode::kFailed, "cannot connect to hvisd at " + path + ": " + std::strerror(os_error),
        "run 'hvis doctor'");
    if (os_error == ENOENT || os_error == ECONNREFUSED) {
        failure.message = "hvisd does not run: nobody listens at " + path;
        failure.hint = path == kSystemSocket
                           ? "start it: systemctl start hvisd; or say where it is: --socket PATH"
                           : "start it: hvisd, or systemctl start hvisd for the whole host; or say "
                             "where it is: --socket PATH";
    } else if (os_error == EACCES || os_error == EPERM) {
        failure.message = "no permission for " + path;
        failure.hint = "be in the group that may: sudo usermod -aG " + group_of(path) + " " +
                       user_name() + ", then log in anew; and have a role, below [roles] in " +
                       "hvisd.toml: users = { " + user_name() +
                       " = \"operator\" }, then: sudo systemctl reload hvisd";
    } else if (os_error == EAGAIN) {
        failure.message = "hvisd takes no more connections at the moment";
        failure.hint = "try again; see what it does: journalctl -u hvisd";
    }
    failure.outcome = kDisconnected;
    return failure;
}

Result<UniqueFd, Failure> connect_tcp(const HttpsEndpoint& endpoint, const Patience& patience) {
    addrinfo wanted = {};
    wanted.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    const std::string port = std::to_string(endpoint.port);
    const int bad = ::getaddrinfo(endpoint.host.c_str(), port.c_str(), &wanted, &found);
    if (bad != 0) {
        return std::unexpected(make_failure(
            ErrorCode::kFailed, "no address for " + endpoint.host + ": " + ::gai_strerror(bad),
            "check the name in --url"));
    }
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);
    int error = 0;
    for (const addrinfo* address = found; address != nullptr; address = address->ai_next) {
        UniqueFd socket(
            ::socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        error = socket ? HVIS_TRY(connect_address(socket.get(), *address, patience)) : errno;
        if (error == 0) {
            return socket;
        }
    }
    Failure failure =
        make_failure(ErrorCode::kFailed,
                     "cannot connect to " + to_string(endpoint) + ": " + std::strerror(error),
                     "hvisd listens there only if its configuration has [listen] with TLS");
    failure.outcome = kDisconnected;
    return std::unexpected(std::move(failure));
}

Result<std::unique_ptr<Transport>, Failure> connect(const Endpoint& endpoint,
                                                    const Patience& patience) {
    if (const auto* https = std::get_if<HttpsEndpoint>(&endpoint); https != nullptr) {
        UniqueFd socket = HVIS_TRY(connect_tcp(*https, patience));
        return start_tls(std::move(socket), *https, patience);
    }
    return connect_unix(std::get<UnixEndpoint>(endpoint));
}

}  // namespace hvis::cli

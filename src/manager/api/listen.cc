#include "manager/api/listen.h"

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <system_error>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>

namespace hvis::manager {
namespace {

constexpr int kBacklog = 256;

std::unexpected<Failure> cannot(const std::string& what, int error, std::string hint = {}) {
    return std::unexpected(control::make_failure(
        control::ErrorCode::kFailed,
        fmt::format("{}: {}", what, std::generic_category().message(error)), std::move(hint)));
}

std::string unix_hint(const std::string& path, int error) {
    switch (error) {
        case EADDRINUSE:
            return fmt::format(
                "there is a file in its place: remove {}, or name another socket.path", path);
        case ENOENT:
        case ENOTDIR:
            return "make the directory that it is to be in, or name another socket.path";
        default:
            return "hvisd's user must be able to write there; or name another socket.path";
    }
}

std::string tcp_hint(int error) {
    switch (error) {
        case EADDRINUSE:
            return "another process listens there, which `ss -ltnp` names: end it, or name another "
                   "listen.address";
        case EADDRNOTAVAIL:
            return "this host does not have that address, or not yet (`ip address` lists them): "
                   "name another listen.address";
        case EACCES:
            return "ports below 1024 are for root: name a higher one in listen.address";
        default:
            return "look at listen.address";
    }
}

std::unexpected<Failure> bad_address(const std::string& address) {
    return std::unexpected(control::make_failure(control::ErrorCode::kUsage,
                                                 address + " is not an address and a port",
                                                 "such as 127.0.0.1:8443 or [::]:8443"));
}

struct Endpoint {
    sockaddr_storage address{};
    socklen_t size = 0;
};

std::optional<Endpoint> read_endpoint(const std::string& text) {
    const size_t colon = text.rfind(':');
    if (colon == std::string::npos) {
        return std::nullopt;
    }
    uint16_t port = 0;
    const char* end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data() + colon + 1, end, port);
    if (error != std::errc() || rest != end) {
        return std::nullopt;
    }
    std::string host = text.substr(0, colon);
    Endpoint endpoint;
    if (host.starts_with('[') && host.ends_with(']')) {
        host = host.substr(1, host.size() - 2);
        sockaddr_in6 address{};
        address.sin6_family = AF_INET6;
        address.sin6_port = htons(port);
        endpoint.size = sizeof(address);
        if (::inet_pton(AF_INET6, host.c_str(), &address.sin6_addr) != 1) {
            return std::nullopt;
        }
        std::memcpy(&endpoint.address, &address, sizeof(address));
        return endpoint;
    }
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    endpoint.size = sizeof(address);
    if (::inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1) {
        return std::nullopt;
    }
    std::memcpy(&endpoint.address, &address, sizeof(address));
    return endpoint;
}

}  // namespace

Result<UniqueFd, Failure> listen_unix(const std::string& path, mode_t mode) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof(address.sun_path)) {
        return std::unexpected(
            control::make_failure(control::ErrorCode::kUsage,
                                  fmt::format("{} is longer than a socket's path may be ({} bytes)",
                                              path, sizeof(address.sun_path) - 1)));
    }
    std::memcpy(address.sun_path, path.data(), path.size());
    UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket) {
        return cannot("cannot make a socket", errno);
    }
    // SAFETY: the address types of the socket API are made for this cast.
    const auto* const name = reinterpret_cast<const sockaddr*>(&address);
    struct stat info{};
    if (::lstat(path.c_str(), &info) == 0 && S_ISSOCK(info.st_mode)) {
        // An hvisd on other directories, whose lock is another one, may listen at the same place.
        if (::connect(socket.get(), name, sizeof(address)) == 0 || errno == EAGAIN) {
            return std::unexpected(control::make_failure(
                control::ErrorCode::kFailed, fmt::format("somebody listens at {} already", path),
                "stop it first, or give this hvisd another socket.path"));
        }
        ::unlink(path.c_str());
    }
    if (::bind(socket.get(), name, sizeof(address)) != 0 || ::chmod(path.c_str(), mode) != 0 ||
        ::listen(socket.get(), kBacklog) != 0) {
        const int error = errno;
        return cannot("cannot listen at " + path, error, unix_hint(path, error));
    }
    return socket;
}

Result<void, Failure> check_tcp_address(const std::string& address) {
    return read_endpoint(address) ? Result<void, Failure>() : bad_address(address);
}

Result<UniqueFd, Failure> listen_tcp(const std::string& address) {
    const auto endpoint = read_endpoint(address);
    if (!endpoint) {
        return bad_address(address);
    }
    UniqueFd socket(::socket(endpoint->address.ss_family,
                             SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP));
    if (!socket) {
        return cannot("cannot make a socket", errno);
    }
    const int on = 1;
    ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    // SAFETY: as above.
    if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&endpoint->address),
               endpoint->size) != 0 ||
        ::listen(socket.get(), kBacklog) != 0) {
        const int error = errno;
        return cannot("cannot listen at " + address, error, tcp_hint(error));
    }
    return socket;
}

Result<std::vector<HttpListener>, Failure> inherited_listeners() {
    std::vector<HttpListener> listeners;
    const int count = ::sd_listen_fds(1);
    for (int index = 0; index < count; ++index) {
        UniqueFd socket(SD_LISTEN_FDS_START + index);
        const bool is_unix = ::sd_is_socket(socket.get(), AF_UNIX, SOCK_STREAM, 1) > 0;
        const bool is_tcp = ::sd_is_socket(socket.get(), AF_INET, SOCK_STREAM, 1) > 0 ||
                            ::sd_is_socket(socket.get(), AF_INET6, SOCK_STREAM, 1) > 0;
        if (!is_unix && !is_tcp) {
            return std::unexpected(control::make_failure(
                control::ErrorCode::kUsage,
                "a socket that was handed over is neither a Unix nor a TCP stream socket",
                "look at ListenStream= in hvisd.socket"));
        }
        listeners.push_back({.socket = std::move(socket), .tls = is_tcp});
    }
    return listeners;
}

}  // namespace hvis::manager

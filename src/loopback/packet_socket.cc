#include "loopback/packet_socket.h"

#include <array>
#include <cstring>

#include <sys/socket.h>
#include <sys/un.h>

#include "loopback/protocol.h"

namespace hvis::loopback {
namespace {

struct ControlBuffer {
    alignas(cmsghdr) std::array<char, CMSG_SPACE(kMaxPacketFds * sizeof(int))> bytes{};
};

/// Takes ownership of every descriptor in the control data, wanted or not.
void take_fds(msghdr& message, std::vector<UniqueFd>& fds) {
    for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
         header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) {
            continue;
        }
        const size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t index = 0; index < count; ++index) {
            int fd = -1;
            std::memcpy(&fd, CMSG_DATA(header) + (index * sizeof(int)), sizeof(fd));
            fds.emplace_back(fd);
        }
    }
}

}  // namespace

Result<void> PacketSocket::send(ByteView packet, std::span<const int> fds) {
    iovec data{.iov_base = const_cast<std::byte*>(packet.data()), .iov_len = packet.size()};
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    ControlBuffer control;
    if (!fds.empty()) {
        if (fds.size() > kMaxPacketFds) {
            return fail(Errc::kInvalid, "too many descriptors for one packet");
        }
        message.msg_control = control.bytes.data();
        message.msg_controllen = CMSG_SPACE(fds.size_bytes());
        cmsghdr* header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(fds.size_bytes());
        std::memcpy(CMSG_DATA(header), fds.data(), fds.size_bytes());
    }
    if (::sendmsg(fd_.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) {
        return {};
    }
    if (errno == EAGAIN || errno == ETOOMANYREFS) {
        return fail(Errc::kLimit, "the other side does not read its socket");
    }
    if (errno == EPIPE || errno == ECONNRESET || errno == ENOTCONN) {
        return fail(Errc::kState, "the other side is gone");
    }
    return fail_errno("sendmsg");
}

Result<std::optional<size_t>> PacketSocket::receive(MutableByteView buffer,
                                                    std::vector<UniqueFd>* fds) {
    iovec data{.iov_base = buffer.data(), .iov_len = buffer.size()};
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    ControlBuffer control;
    if (fds != nullptr) {
        message.msg_control = control.bytes.data();
        message.msg_controllen = control.bytes.size();
    }
    ssize_t size = ::recvmsg(fd_.get(), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (size < 0 && errno == ECONNRESET) {
        // Said once of a side that left without reading everything; what it sent before follows.
        size = ::recvmsg(fd_.get(), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    }
    if (size < 0) {
        if (errno == EAGAIN || errno == EINTR) {
            return std::nullopt;
        }
        return fail_errno("recvmsg");
    }
    if (fds != nullptr) {
        take_fds(message, *fds);
    }
    if (size == 0) {
        return fail(Errc::kState, "the other side is gone");
    }
    if ((message.msg_flags & MSG_TRUNC) != 0) {
        return fail(Errc::kProtocol, "packet is too long");
    }
    return static_cast<size_t>(size);
}

void PacketSocket::shut_down() { ::shutdown(fd_.get(), SHUT_RDWR); }

Result<UniqueFd> connect_to_host(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof(address.sun_path)) {
        return fail(Errc::kInvalid, "socket path is empty or too long");
    }
    std::memcpy(address.sun_path, path.data(), path.size());
    UniqueFd fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    if (!fd) {
        return fail_errno("socket");
    }
    // SAFETY: the sockets interface takes every address family through sockaddr.
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
        return fail_errno("connect");
    }
    return fd;
}

}  // namespace hvis::loopback

#include "control/packet.h"

#include <array>
#include <cstring>

#include <sys/socket.h>

namespace hvis::control {
namespace {

/// Room for the descriptors of one packet. With less than a message brings, the kernel itself
/// throws the rest away and sets MSG_CTRUNC.
union ControlBuffer {
    cmsghdr align;
    std::array<char, CMSG_SPACE(sizeof(int) * kMaxPacketFds)> bytes;
};

void take_descriptors(msghdr& message, std::vector<UniqueFd>& fds) {
    for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr;
         part = CMSG_NXTHDR(&message, part)) {
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) {
            continue;
        }
        const size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t index = 0; index < count; ++index) {
            int fd = -1;
            std::memcpy(&fd, CMSG_DATA(part) + (index * sizeof(int)), sizeof(int));
            fds.emplace_back(fd);
        }
    }
}

}  // namespace

Result<ReceiveStatus> receive_packet(int socket, Packet& packet) {
    packet.fds.clear();
    packet.text.resize(kMaxPacketBytes);
    iovec part{.iov_base = packet.text.data(), .iov_len = packet.text.size()};
    ControlBuffer control{};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.bytes.data();
    message.msg_controllen = control.bytes.size();
    ssize_t length = 0;
    do {
        length = ::recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    } while (length < 0 && errno == EINTR);
    if (length < 0) {
        const int error = errno;
        packet.text.clear();
        if (error == EAGAIN) {
            return ReceiveStatus::kNothing;
        }
        if (error == ECONNRESET) {
            return ReceiveStatus::kClosed;
        }
        return std::unexpected(Error{Errc::kOs, "recvmsg", error});
    }
    take_descriptors(message, packet.fds);
    packet.text.resize(static_cast<size_t>(length));
    if ((message.msg_flags & MSG_CTRUNC) != 0) {
        packet.fds.clear();
    }
    if ((message.msg_flags & MSG_TRUNC) != 0) {
        packet.fds.clear();
        return ReceiveStatus::kTooLong;
    }
    return length == 0 ? ReceiveStatus::kClosed : ReceiveStatus::kPacket;
}

Result<bool> send_packet(int socket, std::string_view text, std::span<const int> fds) {
    if (text.size() > kMaxPacketBytes || fds.size() > kMaxPacketFds) {
        return fail(Errc::kLimit, "packet too long to send");
    }
    std::string bytes(text);  // an iovec wants memory that it might write to
    iovec part{.iov_base = bytes.data(), .iov_len = bytes.size()};
    ControlBuffer control{};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (!fds.empty()) {
        message.msg_control = control.bytes.data();
        message.msg_controllen = CMSG_SPACE(fds.size_bytes());
        cmsghdr* header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(fds.size_bytes());
        std::memcpy(CMSG_DATA(header), fds.data(), fds.size_bytes());
    }
    ssize_t sent = 0;
    do {
        sent = ::sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    if (sent >= 0) {
        return true;
    }
    if (errno == EAGAIN) {
        return false;
    }
    return fail_errno("sendmsg");
}

}  // namespace hvis::control

#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace hvis::loopback {

/// One end of a connected AF_UNIX SOCK_SEQPACKET socket. Never blocks, whatever the other side does
/// with its end. One thread at a time.
class PacketSocket {
public:
    explicit PacketSocket(UniqueFd fd) : fd_(std::move(fd)) {}

    /// Sends one packet with up to kMaxPacketFds descriptors, which stay the caller's. Fails with
    /// kLimit when the other side left too much unread, kState when it is gone.
    Result<void> send(ByteView packet, std::span<const int> fds = {});

    /// A packet's size, or nothing if there is none; it is in the front of `buffer`. Descriptors
    /// that come with it are appended to `fds`, or dropped where that is null. Fails with kState
    /// when the other side is gone (an empty packet counts as that), kProtocol on a packet that is
    /// longer than the buffer, which is dropped.
    Result<std::optional<size_t>> receive(MutableByteView buffer, std::vector<UniqueFd>* fds);

    /// Ends the connection for both sides; the descriptor stays open.
    void shut_down();

    [[nodiscard]] int fd() const { return fd_.get(); }

private:
    UniqueFd fd_;
};

/// Connects to a Listener's socket.
Result<UniqueFd> connect_to_host(const std::string& path);

}  // namespace hvis::loopback

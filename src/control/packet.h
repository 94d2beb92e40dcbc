#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace hvis::control {

/// Longest packet in either direction.
inline constexpr size_t kMaxPacketBytes = 65536;
/// Most file descriptors that one packet may bring; packets with more lose them all.
inline constexpr size_t kMaxPacketFds = 4;
/// The protocol that this code speaks.
inline constexpr int kProtocolVersion = 1;

/// One packet of a SOCK_SEQPACKET socket.
struct Packet {
    std::string text;
    std::vector<UniqueFd> fds;  ///< close-on-exec
};

enum class ReceiveStatus : uint8_t {
    kPacket,
    kNothing,  ///< the socket would block
    kClosed,   ///< the peer is gone
    kTooLong,  ///< a packet above kMaxPacketBytes was thrown away
};

/// Takes one packet off a non-blocking socket into `packet`. A packet that was cut short, in bytes
/// or in descriptors, closes what it brought.
Result<ReceiveStatus> receive_packet(int socket, Packet& packet);

/// Sends one packet, without SIGPIPE; false if the socket would block. `fds` stay the caller's.
Result<bool> send_packet(int socket, std::string_view text, std::span<const int> fds = {});

}  // namespace hvis::control

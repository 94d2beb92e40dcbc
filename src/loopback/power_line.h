#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "loopback/guest_fault.h"
#include "loopback/packet_socket.h"

namespace hvis::loopback {

/// One guest to be switched on.
struct PowerOn {
    /// Longest name that is sent.
    static constexpr size_t kMaxName = 64;

    std::string name;  ///< what the guest calls itself
    GuestFault fault = GuestFault::kNone;
    uint64_t seed = 1;  ///< of a vandal
    bool operator==(const PowerOn&) const = default;
};
Bytes format_power_on(const PowerOn& wanted);
/// Fails with kProtocol on everything that format_power_on does not write.
Result<PowerOn> parse_power_on(ByteView packet);

/// A host's line to a process that serves guests (hvis-loopback-guest --serve). Each descriptor
/// that goes over it is one guest switched on; the process needs to open nothing, and neither does
/// the host from then on. One line serves as many guests as are wanted. One thread.
class PowerLine {
public:
    /// Connects to the socket that such a process listens on.
    static Result<PowerLine> connect(const std::string& path);
    /// Over a socket that is connected already.
    explicit PowerLine(UniqueFd socket) : socket_(std::move(socket)) {}

    /// Switches a guest on; the result is for LoopbackPartition::attach. Fails with kState when the
    /// process is gone, kLimit when it leaves too much unread.
    Result<UniqueFd> power_on(const PowerOn& wanted);

private:
    PacketSocket socket_;
};

}  // namespace hvis::loopback

#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <variant>

#include "base/bytes.h"
#include "base/result.h"
#include "wire/hypercall.h"

namespace hvis::loopback {

/// How a host and an attached guest process talk, beside the memory that they share: one packet of
/// an AF_UNIX SOCK_SEQPACKET socket per call of the hypervisor's, little-endian, each starting with
/// its kind. What is hot does not come this way: HvSignalEvent is a write to the eventfd of the
/// port, and the host interrupts the guest through an eventfd as well.
inline constexpr uint32_t kProtocol = 1;

/// Longest text of a crash report; what the guest's panic page holds.
inline constexpr size_t kMaxCrashText = 4096;
/// Longest packet either side sends.
inline constexpr size_t kMaxPacket = 4096 + 64;
/// Descriptors that travel with one packet at most.
inline constexpr size_t kMaxPacketFds = 2;

/// The first packet from the host. With it come the memfd that is the guest's RAM, and a descriptor
/// that polls readable while an interrupt is due (see InterruptLine).
struct Attach {
    uint32_t protocol = kProtocol;
    uint32_t processors = 1;
    uint64_t ram_start = 0;  ///< guest physical address of the memfd's first byte
    uint64_t ram_size = 0;   ///< bytes
    bool operator==(const Attach&) const = default;
};

/// Run from now on. The partition reference counter was 0 at this CLOCK_MONOTONIC time.
struct Start {
    int64_t reference_epoch_ns = 0;
    bool operator==(const Start&) const = default;
};
struct Pause {
    bool operator==(const Pause&) const = default;
};
struct Resume {
    bool operator==(const Resume&) const = default;
};
/// Forget everything, answer ResetDone and wait for Start.
struct Reset {
    uint32_t generation = 0;
    bool operator==(const Reset&) const = default;
};

/// The connection id got a port. With it comes the eventfd that HvSignalEvent adds 1 to.
struct ConnectPort {
    uint32_t connection_id = 0;
    bool operator==(const ConnectPort&) const = default;
};
struct DisconnectPort {
    uint32_t connection_id = 0;
    bool operator==(const DisconnectPort&) const = default;
};

/// Answer to PostMessage; answers come in the order of the questions.
struct PostAnswer {
    wire::HvStatus status = wire::HvStatus::kSuccess;
    bool operator==(const PostAnswer&) const = default;
};

using HostPacket =
    std::variant<Attach, Start, Pause, Resume, Reset, ConnectPort, DisconnectPort, PostAnswer>;

/// HvPostMessage.
struct PostMessage {
    uint32_t connection_id = 0;
    uint32_t type = 0;
    Bytes payload;
    bool operator==(const PostMessage&) const = default;
};

/// The synthetic interrupt controller's registers that the host must know; MSR numbers of the TLFS.
enum class SynicRegister : uint32_t {
    kControl = 0x4000'0080,
    kEventPage = 0x4000'0082,
    kMessagePage = 0x4000'0083,
};

struct WriteRegister {
    uint32_t processor = 0;
    SynicRegister index = SynicRegister::kControl;
    uint64_t value = 0;
    bool operator==(const WriteRegister&) const = default;
};

/// HV_X64_MSR_EOM: the guest emptied a message slot on which a message is pending.
struct EndOfMessage {
    uint32_t processor = 0;
    bool operator==(const EndOfMessage&) const = default;
};

/// The guest's crash MSRs, and the panic text.
struct Crash {
    std::array<uint64_t, 5> parameters{};
    std::string text;
    bool operator==(const Crash&) const = default;
};

enum class StopKind : uint32_t { kPowerOff = 1, kReset = 2 };

/// The guest switched itself off, or asks to be reset.
struct Stop {
    StopKind kind = StopKind::kPowerOff;
    bool operator==(const Stop&) const = default;
};

struct ResetDone {
    uint32_t generation = 0;
    bool operator==(const ResetDone&) const = default;
};

using GuestPacket = std::variant<PostMessage, WriteRegister, EndOfMessage, Crash, Stop, ResetDone>;

/// Both fail with kProtocol on a packet that is not exactly one of theirs.
Result<HostPacket> parse_host_packet(ByteView packet);
Result<GuestPacket> parse_guest_packet(ByteView packet);

/// Payload and text past their limits are left out.
Bytes format_packet(const HostPacket& packet);
Bytes format_packet(const GuestPacket& packet);

}  // namespace hvis::loopback

#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "base/result.h"

namespace hvis::wire {

/// Largest integration-component packet, both headers included (OpenVMM hyperv_ic_protocol).
inline constexpr size_t kMaxIcPacketSize = 13312;
/// The pipe header {type, size}. Linux: struct vmbuspipe_hdr.
inline constexpr size_t kPipeHeaderSize = 8;
/// Linux: struct icmsg_hdr.
inline constexpr size_t kIcHeaderSize = 20;
/// Where the service's own bytes begin. Linux: ICMSG_HDR.
inline constexpr size_t kIcBodyOffset = kPipeHeaderSize + kIcHeaderSize;

/// Major and minor of a framework or message protocol. Linux: struct ic_version.
struct IcVersion {
    uint16_t major = 0;
    uint16_t minor = 0;
    auto operator<=>(const IcVersion&) const = default;
};

/// What the body is. Linux: ICMSGTYPE_*. As wide as its field.
// NOLINTNEXTLINE(performance-enum-size)
enum class IcMessageType : uint16_t {
    kNegotiate = 0,
    kHeartbeat = 1,
    kKvp = 2,
    kShutdown = 3,
    kTimeSync = 4,
    kVss = 5,
    kFileCopy = 7,
};

/// Linux: ICMSGHDRFLAG_*.
inline constexpr uint8_t kIcTransaction = 1;
inline constexpr uint8_t kIcRequest = 2;
inline constexpr uint8_t kIcResponse = 4;

/// Status words are HRESULTs. Linux: HV_S_OK and the lines below it in hyperv.h.
inline constexpr uint32_t kIcOk = 0;
inline constexpr uint32_t kIcFail = 0x80004005;
inline constexpr uint32_t kIcNoMoreItems = 0x80070103;
inline constexpr uint32_t kIcNotSupported = 0x80070032;
inline constexpr uint32_t kIcInvalidArgument = 0x80070057;
inline constexpr uint32_t kIcGuidNotFound = 0x80041002;
inline constexpr uint32_t kIcAlreadyExists = 0x80070050;
inline constexpr uint32_t kIcDiskFull = 0x80070070;
/// winerror.h ERROR_FILE_NOT_FOUND, ERROR_NOT_FOUND and ERROR_INVALID_DATA as HRESULTs.
inline constexpr uint32_t kIcFileNotFound = 0x80070002;
inline constexpr uint32_t kIcNotFound = 0x80070490;
inline constexpr uint32_t kIcInvalidData = 0x8007000d;

/// The header of every integration-component message, without its size, which is the body's.
struct IcHeader {
    IcVersion framework;
    uint16_t type = 0;  ///< an IcMessageType, or a number that we do not know
    IcVersion message;
    uint32_t status = kIcOk;
    uint8_t transaction = 0;
    uint8_t flags = 0;
    bool operator==(const IcHeader&) const = default;
};

/// One message, checked; `body` points into the bytes that were parsed.
struct IcPacket {
    IcHeader header;
    ByteView body;
};

/// Reads pipe header, IC header and body. Trailing bytes are allowed: guests answer in the
/// request's own buffer, and the ring pads to eight.
Result<IcPacket> parse_ic_packet(ByteView packet);

/// Pipe header, IC header and body in one buffer.
Bytes format_ic_packet(const IcHeader& header, ByteView body);

/// A guest's answer as Linux makes it: the request's own bytes and length, with the status, the
/// response flags and, over the front of the old body, `body`. `request` must have parsed; `body`
/// beyond the request's room is left out. `size` is what the header says of the body, 0 to keep it.
Bytes format_ic_reply(ByteView request, uint32_t status, ByteView body, uint16_t size = 0);

}  // namespace hvis::wire

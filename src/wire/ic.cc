#include "wire/ic.h"

#include <algorithm>
#include <array>
#include <bit>

#include "wire/reader.h"
#include "wire/writer.h"

namespace hvis::wire {
namespace {

static_assert(std::endian::native == std::endian::little, "wire structs are little-endian");

/// Linux: struct vmbuspipe_hdr. `type` is 1 for a message that is whole in this packet.
struct [[gnu::packed]] PipeHeader {
    uint32_t type;
    uint32_t size;
};
static_assert(sizeof(PipeHeader) == kPipeHeaderSize);

/// Linux: struct icmsg_hdr.
struct [[gnu::packed]] IcHeaderWire {
    uint16_t framework_major;
    uint16_t framework_minor;
    uint16_t type;
    uint16_t message_major;
    uint16_t message_minor;
    uint16_t size;
    uint32_t status;
    uint8_t transaction;
    uint8_t flags;
    std::array<uint8_t, 2> reserved;
};
static_assert(sizeof(IcHeaderWire) == kIcHeaderSize);

constexpr uint32_t kPipeData = 1;

}  // namespace

Result<IcPacket> parse_ic_packet(ByteView packet) {
    if (packet.size() > kMaxIcPacketSize) {
        return fail(Errc::kProtocol, "integration message longer than any can be");
    }
    Reader reader(packet);
    const auto pipe = HVIS_TRY(reader.take<PipeHeader>());
    if (pipe.type != kPipeData) {
        return fail(Errc::kProtocol, "pipe packet is not a whole message");
    }
    Reader message(HVIS_TRY(reader.take_bytes(pipe.size)));
    const auto header = HVIS_TRY(message.take<IcHeaderWire>());
    const auto body = HVIS_TRY(message.take_bytes(header.size));
    return IcPacket{.header = {.framework = {header.framework_major, header.framework_minor},
                               .type = header.type,
                               .message = {header.message_major, header.message_minor},
                               .status = header.status,
                               .transaction = header.transaction,
                               .flags = header.flags},
                    .body = body};
}

Bytes format_ic_packet(const IcHeader& header, ByteView body) {
    Bytes out;
    out.reserve(kIcBodyOffset + body.size());
    Writer writer(out);
    writer.put(
        PipeHeader{.type = kPipeData, .size = static_cast<uint32_t>(kIcHeaderSize + body.size())});
    writer.put(IcHeaderWire{.framework_major = header.framework.major,
                            .framework_minor = header.framework.minor,
                            .type = header.type,
                            .message_major = header.message.major,
                            .message_minor = header.message.minor,
                            .size = static_cast<uint16_t>(body.size()),
                            .status = header.status,
                            .transaction = header.transaction,
                            .flags = header.flags,
                            .reserved = {}});
    writer.put_bytes(body);
    return out;
}

Bytes format_ic_reply(ByteView request, uint32_t status, ByteView body, uint16_t size) {
    Bytes out(request.begin(), request.end());
    if (out.size() < kIcBodyOffset) {
        return out;
    }
    IcHeaderWire header;
    std::memcpy(&header, out.data() + kPipeHeaderSize, sizeof(header));
    header.status = status;
    header.flags = kIcTransaction | kIcResponse;
    if (size != 0) {
        header.size = size;
    }
    std::memcpy(out.data() + kPipeHeaderSize, &header, sizeof(header));
    const size_t count = std::min(body.size(), out.size() - kIcBodyOffset);
    std::copy_n(body.begin(), count, out.begin() + kIcBodyOffset);
    return out;
}

}  // namespace hvis::wire

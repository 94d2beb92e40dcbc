#include "loopback/protocol.h"

#include <algorithm>

#include "wire/reader.h"
#include "wire/writer.h"

namespace hvis::loopback {
namespace {

enum class Kind : uint32_t {
    kAttach = 1,
    kStart,
    kPause,
    kResume,
    kReset,
    kConnectPort,
    kDisconnectPort,
    kPostAnswer,
    kPostMessage = 32,
    kWriteRegister,
    kEndOfMessage,
    kCrash,
    kStop,
    kResetDone,
};

/// The fixed part of a PostMessage packet; the payload follows.
struct [[gnu::packed]] PostMessageHead {
    uint32_t connection_id;
    uint32_t type;
};
struct [[gnu::packed]] RegisterBody {
    uint32_t processor;
    uint32_t index;
    uint64_t value;
};
struct [[gnu::packed]] AttachBody {
    uint32_t protocol;
    uint32_t processors;
    uint64_t ram_start;
    uint64_t ram_size;
};

Result<GuestPacket> parse_register(wire::Reader& reader) {
    const auto body = HVIS_TRY(reader.take<RegisterBody>());
    switch (const auto index = static_cast<SynicRegister>(body.index)) {
        case SynicRegister::kControl:
        case SynicRegister::kEventPage:
        case SynicRegister::kMessagePage:
            return WriteRegister{body.processor, index, body.value};
    }
    return fail(Errc::kProtocol, "no such register");
}

Result<GuestPacket> parse_stop(wire::Reader& reader) {
    switch (const auto kind = static_cast<StopKind>(HVIS_TRY(reader.take<uint32_t>()))) {
        case StopKind::kPowerOff:
        case StopKind::kReset:
            return Stop{kind};
    }
    return fail(Errc::kProtocol, "no such kind of stop");
}

Result<GuestPacket> parse_post_message(wire::Reader& reader) {
    const auto head = HVIS_TRY(reader.take<PostMessageHead>());
    if (reader.remaining() > wire::kMaxMessagePayload) {
        return fail(Errc::kProtocol, "message is too long");
    }
    const auto payload = HVIS_TRY(reader.take_bytes(reader.remaining()));
    return PostMessage{head.connection_id, head.type, {payload.begin(), payload.end()}};
}

Result<GuestPacket> parse_crash(wire::Reader& reader) {
    Crash crash;
    crash.parameters = HVIS_TRY((reader.take<std::array<uint64_t, 5>>()));
    if (reader.remaining() > kMaxCrashText) {
        return fail(Errc::kProtocol, "crash text is too long");
    }
    const auto text = HVIS_TRY(reader.take_bytes(reader.remaining()));
    crash.text.resize(text.size());
    std::transform(text.begin(), text.end(), crash.text.begin(),
                   [](std::byte byte) { return static_cast<char>(byte); });
    return crash;
}

Result<GuestPacket> parse_guest_body(Kind kind, wire::Reader& reader) {
    switch (kind) {
        case Kind::kPostMessage:
            return parse_post_message(reader);
        case Kind::kWriteRegister:
            return parse_register(reader);
        case Kind::kEndOfMessage:
            return EndOfMessage{HVIS_TRY(reader.take<uint32_t>())};
        case Kind::kCrash:
            return parse_crash(reader);
        case Kind::kStop:
            return parse_stop(reader);
        case Kind::kResetDone:
            return ResetDone{HVIS_TRY(reader.take<uint32_t>())};
        case Kind::kAttach:
        case Kind::kStart:
        case Kind::kPause:
        case Kind::kResume:
        case Kind::kReset:
        case Kind::kConnectPort:
        case Kind::kDisconnectPort:
        case Kind::kPostAnswer:
            break;
    }
    return fail(Errc::kProtocol, "no guest sends this kind of packet");
}

Result<HostPacket> parse_host_body(Kind kind, wire::Reader& reader) {
    switch (kind) {
        case Kind::kAttach: {
            const auto body = HVIS_TRY(reader.take<AttachBody>());
            return Attach{body.protocol, body.processors, body.ram_start, body.ram_size};
        }
        case Kind::kStart:
            return Start{HVIS_TRY(reader.take<int64_t>())};
        case Kind::kPause:
            return Pause{};
        case Kind::kResume:
            return Resume{};
        case Kind::kReset:
            return Reset{HVIS_TRY(reader.take<uint32_t>())};
        case Kind::kConnectPort:
            return ConnectPort{HVIS_TRY(reader.take<uint32_t>())};
        case Kind::kDisconnectPort:
            return DisconnectPort{HVIS_TRY(reader.take<uint32_t>())};
        case Kind::kPostAnswer:
            return PostAnswer{static_cast<wire::HvStatus>(HVIS_TRY(reader.take<uint16_t>()))};
        case Kind::kPostMessage:
        case Kind::kWriteRegister:
        case Kind::kEndOfMessage:
        case Kind::kCrash:
        case Kind::kStop:
        case Kind::kResetDone:
            break;
    }
    return fail(Errc::kProtocol, "no host sends this kind of packet");
}

template <class Packet>
Result<Packet> whole(Result<Packet> packet, const wire::Reader& reader) {
    if (packet && reader.remaining() != 0) {
        return fail(Errc::kProtocol, "packet has trailing bytes");
    }
    return packet;
}

void put(wire::Writer& out, const Attach& packet) {
    out.put(Kind::kAttach);
    out.put(AttachBody{packet.protocol, packet.processors, packet.ram_start, packet.ram_size});
}
void put(wire::Writer& out, const Start& packet) {
    out.put(Kind::kStart);
    out.put(packet.reference_epoch_ns);
}
void put(wire::Writer& out, const Pause& /*packet*/) { out.put(Kind::kPause); }
void put(wire::Writer& out, const Resume& /*packet*/) { out.put(Kind::kResume); }
void put(wire::Writer& out, const Reset& packet) {
    out.put(Kind::kReset);
    out.put(packet.generation);
}
void put(wire::Writer& out, const ConnectPort& packet) {
    out.put(Kind::kConnectPort);
    out.put(packet.connection_id);
}
void put(wire::Writer& out, const DisconnectPort& packet) {
    out.put(Kind::kDisconnectPort);
    out.put(packet.connection_id);
}
void put(wire::Writer& out, const PostAnswer& packet) {
    out.put(Kind::kPostAnswer);
    out.put(packet.status);
}
void put(wire::Writer& out, const PostMessage& packet) {
    out.put(Kind::kPostMessage);
    out.put(PostMessageHead{packet.connection_id, packet.type});
    out.put_bytes(
        ByteView(packet.payload).first(std::min(packet.payload.size(), wire::kMaxMessagePayload)));
}
void put(wire::Writer& out, const WriteRegister& packet) {
    out.put(Kind::kWriteRegister);
    out.put(RegisterBody{packet.processor, static_cast<uint32_t>(packet.index), packet.value});
}
void put(wire::Writer& out, const EndOfMessage& packet) {
    out.put(Kind::kEndOfMessage);
    out.put(packet.processor);
}
void put(wire::Writer& out, const Crash& packet) {
    out.put(Kind::kCrash);
    out.put(packet.parameters);
    out.put_bytes(
        std::as_bytes(std::span(packet.text)).first(std::min(packet.text.size(), kMaxCrashText)));
}
void put(wire::Writer& out, const Stop& packet) {
    out.put(Kind::kStop);
    out.put(packet.kind);
}
void put(wire::Writer& out, const ResetDone& packet) {
    out.put(Kind::kResetDone);
    out.put(packet.generation);
}

template <class Packet>
Bytes format(const Packet& packet) {
    Bytes bytes;
    wire::Writer writer(bytes);
    std::visit([&](const auto& each) { put(writer, each); }, packet);
    return bytes;
}

}  // namespace

Result<HostPacket> parse_host_packet(ByteView packet) {
    wire::Reader reader(packet);
    const auto kind = static_cast<Kind>(HVIS_TRY(reader.take<uint32_t>()));
    return whole(parse_host_body(kind, reader), reader);
}

Result<GuestPacket> parse_guest_packet(ByteView packet) {
    wire::Reader reader(packet);
    const auto kind = static_cast<Kind>(HVIS_TRY(reader.take<uint32_t>()));
    return whole(parse_guest_body(kind, reader), reader);
}

Bytes format_packet(const HostPacket& packet) { return format(packet); }
Bytes format_packet(const GuestPacket& packet) { return format(packet); }

}  // namespace hvis::loopback

#include "wire/vmbus_messages_host.h"

#include <utility>

#include "wire/hypercall.h"
#include "wire/reader.h"
#include "wire/writer.h"

namespace hvis::wire {
namespace {

struct Header {
    uint32_t type;
    uint32_t padding;
};

struct [[gnu::packed]] OfferLayout {
    std::array<uint8_t, 16> interface_type;
    std::array<uint8_t, 16> instance;
    std::array<uint8_t, 16> reserved;
    uint16_t flags;
    uint16_t mmio_megabytes;
    UserDefined user_defined;
    uint16_t subchannel_index;
    uint16_t reserved_index;
    uint32_t relid;
    uint8_t monitor_id;
    uint8_t monitor_flags;     ///< bit 0: the monitor id means something
    uint16_t interrupt_flags;  ///< bit 0: dedicated interrupt
    uint32_t connection_id;
};
// Linux: sizeof(struct vmbus_channel_offer_channel).
static_assert(sizeof(Header) + sizeof(OfferLayout) == 196);

struct VersionResponseLayout {
    uint8_t supported;
    uint8_t connection_state;
    uint16_t padding;
    uint32_t connection_id;
};
static_assert(sizeof(Header) + sizeof(VersionResponseLayout) == 16);

struct TwoWordLayout {
    uint32_t first;
    uint32_t second;
};
struct ThreeWordLayout {
    uint32_t first;
    uint32_t second;
    uint32_t third;
};
static_assert(sizeof(Header) + sizeof(ThreeWordLayout) == 20);

struct TlConnectResultLayout {
    std::array<uint8_t, 16> endpoint;
    std::array<uint8_t, 16> service;
    uint32_t status;
};
static_assert(sizeof(Header) + sizeof(TlConnectResultLayout) == 44);

Result<HostMessage> parse_offer(Reader& reader) {
    const auto layout = HVIS_TRY(reader.take<OfferLayout>());
    return OfferChannel{
        .interface_type = {layout.interface_type},
        .instance = {layout.instance},
        .flags = layout.flags,
        .mmio_megabytes = layout.mmio_megabytes,
        .user_defined = layout.user_defined,
        .subchannel_index = layout.subchannel_index,
        .relid = layout.relid,
        .monitor_id = layout.monitor_id,
        .monitor_allocated = (layout.monitor_flags & 1U) != 0,
        .dedicated_interrupt = (layout.interrupt_flags & 1U) != 0,
        .connection_id = layout.connection_id,
    };
}

Result<HostMessage> parse_open_result(Reader& reader) {
    const auto layout = HVIS_TRY(reader.take<ThreeWordLayout>());
    return OpenChannelResult{
        .relid = layout.first, .open_id = layout.second, .status = layout.third};
}

Result<HostMessage> parse_gpadl_created(Reader& reader) {
    const auto layout = HVIS_TRY(reader.take<ThreeWordLayout>());
    return GpadlCreated{.relid = layout.first, .gpadl = layout.second, .status = layout.third};
}

Result<HostMessage> parse_version_response(Reader& reader) {
    const auto layout = HVIS_TRY(reader.take<VersionResponseLayout>());
    return VersionResponse{
        .supported = layout.supported != 0,
        .connection_state = layout.connection_state,
        .connection_id = layout.connection_id,
    };
}

Result<HostMessage> parse_tl_connect_result(Reader& reader) {
    const auto layout = HVIS_TRY(reader.take<TlConnectResultLayout>());
    return TlConnectResult{
        .endpoint = {layout.endpoint}, .service = {layout.service}, .status = layout.status};
}

template <class... Fields>
Bytes format(MessageType type, const Fields&... fields) {
    Bytes bytes;
    Writer writer(bytes);
    writer.put(Header{.type = static_cast<uint32_t>(type), .padding = 0});
    (writer.put(fields), ...);
    return bytes;
}

struct Formatter {
    Bytes operator()(const OfferChannel& message) const {
        return format(
            MessageType::kOfferChannel,
            OfferLayout{
                .interface_type = message.interface_type.bytes,
                .instance = message.instance.bytes,
                .reserved = {},
                .flags = message.flags,
                .mmio_megabytes = message.mmio_megabytes,
                .user_defined = message.user_defined,
                .subchannel_index = message.subchannel_index,
                .reserved_index = 0,
                .relid = message.relid,
                .monitor_id = message.monitor_id,
                .monitor_flags = static_cast<uint8_t>(message.monitor_allocated ? 1 : 0),
                .interrupt_flags = static_cast<uint16_t>(message.dedicated_interrupt ? 1 : 0),
                .connection_id = message.connection_id,
            });
    }
    Bytes operator()(const RescindOffer& message) const {
        return format(MessageType::kRescindOffer, message.relid);
    }
    Bytes operator()(const AllOffersDelivered& /*message*/) const {
        return format(MessageType::kAllOffersDelivered);
    }
    Bytes operator()(const OpenChannelResult& message) const {
        return format(MessageType::kOpenChannelResult, message.relid, message.open_id,
                      message.status);
    }
    Bytes operator()(const GpadlCreated& message) const {
        return format(MessageType::kGpadlCreated, message.relid, message.gpadl, message.status);
    }
    Bytes operator()(const GpadlTorndown& message) const {
        return format(MessageType::kGpadlTorndown, message.gpadl);
    }
    Bytes operator()(const VersionResponse& message) const {
        return format(MessageType::kVersionResponse,
                      VersionResponseLayout{
                          .supported = static_cast<uint8_t>(message.supported ? 1 : 0),
                          .connection_state = message.connection_state,
                          .padding = 0,
                          .connection_id = message.connection_id,
                      });
    }
    Bytes operator()(const UnloadResponse& /*message*/) const {
        return format(MessageType::kUnloadResponse);
    }
    Bytes operator()(const TlConnectResult& message) const {
        return format(MessageType::kTlConnectResult,
                      TlConnectResultLayout{.endpoint = message.endpoint.bytes,
                                            .service = message.service.bytes,
                                            .status = message.status});
    }
    Bytes operator()(const ModifyChannelResponse& message) const {
        return format(MessageType::kModifyChannelResponse, message.relid, message.status);
    }
};

}  // namespace

Result<HostMessage> parse_host_message(ByteView message) {
    Reader reader(message);
    const auto header = HVIS_TRY(reader.take<Header>());
    switch (static_cast<MessageType>(header.type)) {
        case MessageType::kOfferChannel:
            return parse_offer(reader);
        case MessageType::kRescindOffer:
            return RescindOffer{.relid = HVIS_TRY(reader.take<uint32_t>())};
        case MessageType::kAllOffersDelivered:
            return AllOffersDelivered{};
        case MessageType::kOpenChannelResult:
            return parse_open_result(reader);
        case MessageType::kGpadlCreated:
            return parse_gpadl_created(reader);
        case MessageType::kGpadlTorndown:
            return GpadlTorndown{.gpadl = HVIS_TRY(reader.take<uint32_t>())};
        case MessageType::kVersionResponse:
            return parse_version_response(reader);
        case MessageType::kUnloadResponse:
            return UnloadResponse{};
        case MessageType::kTlConnectResult:
            return parse_tl_connect_result(reader);
        case MessageType::kModifyChannelResponse: {
            const auto layout = HVIS_TRY(reader.take<TwoWordLayout>());
            return ModifyChannelResponse{.relid = layout.first, .status = layout.second};
        }
        case MessageType::kRequestOffers:
        case MessageType::kOpenChannel:
        case MessageType::kCloseChannel:
        case MessageType::kGpadlHeader:
        case MessageType::kGpadlBody:
        case MessageType::kGpadlTeardown:
        case MessageType::kRelidReleased:
        case MessageType::kInitiateContact:
        case MessageType::kUnload:
        case MessageType::kTlConnectRequest:
        case MessageType::kModifyChannel:
            break;
    }
    return fail(Errc::kUnsupported, "not a message that hosts send");
}

Bytes format_message(const HostMessage& message) { return std::visit(Formatter{}, message); }

}  // namespace hvis::wire

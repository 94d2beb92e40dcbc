#include "wire/vmbus_messages_guest.h"

#include <algorithm>
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

struct InitiateContactLayout {
    uint32_t version;
    uint32_t target_vp;
    uint64_t interrupt_page_or_target;
    uint64_t monitor_page_in;
    uint64_t monitor_page_out;
};
static_assert(sizeof(Header) + sizeof(InitiateContactLayout) == 40);

struct OpenChannelLayout {
    uint32_t relid;
    uint32_t open_id;
    uint32_t ring_gpadl;
    uint32_t target_vp;
    uint32_t downstream_page_offset;
    UserDefined user_data;
};
static_assert(sizeof(Header) + sizeof(OpenChannelLayout) == 148);

struct GpadlHeaderLayout {
    uint32_t relid;
    uint32_t gpadl;
    uint16_t range_buffer_size;
    uint16_t range_count;
};
static_assert(sizeof(Header) + sizeof(GpadlHeaderLayout) == 20);
static_assert((kMaxMessagePayload - 20) / 8 == kMaxGpadlHeaderWords);

struct GpadlBodyLayout {
    uint32_t message_number;
    uint32_t gpadl;
};
static_assert(sizeof(Header) + sizeof(GpadlBodyLayout) == 16);
static_assert((kMaxMessagePayload - 16) / 8 == kMaxGpadlBodyWords);

struct TwoWordLayout {
    uint32_t first;
    uint32_t second;
};

struct TlConnectRequestLayout {
    std::array<uint8_t, 16> endpoint;
    std::array<uint8_t, 16> service;
};
static_assert(sizeof(Header) + sizeof(TlConnectRequestLayout) == 40);

/// The rest of a GPADL message; a last word that is cut short is padding.
std::vector<uint64_t> take_words(Reader& reader) {
    std::vector<uint64_t> words;
    words.reserve(reader.remaining() / sizeof(uint64_t));
    while (const auto word = reader.take<uint64_t>()) {
        words.push_back(*word);
    }
    return words;
}

Result<GuestMessage> parse_initiate_contact(Reader& reader) {
    const auto layout = HVIS_TRY(reader.take<InitiateContactLayout>());
    return InitiateContact{
        .version = layout.version,
        .target_vp = layout.target_vp,
        .target_sint = static_cast<uint8_t>(layout.interrupt_page_or_target),
        .target_vtl = static_cast<uint8_t>(layout.interrupt_page_or_target >> 8U),
        .interrupt_page = layout.interrupt_page_or_target,
        .monitor_page_in = layout.monitor_page_in,
        .monitor_page_out = layout.monitor_page_out,
    };
}

Result<GuestMessage> parse_open_channel(Reader& reader) {
    const auto layout = HVIS_TRY(reader.take<OpenChannelLayout>());
    return OpenChannel{
        .relid = layout.relid,
        .open_id = layout.open_id,
        .ring_gpadl = layout.ring_gpadl,
        .target_vp = layout.target_vp,
        .downstream_page_offset = layout.downstream_page_offset,
        .user_data = layout.user_data,
    };
}

Result<GuestMessage> parse_gpadl_header(Reader& reader) {
    const auto layout = HVIS_TRY(reader.take<GpadlHeaderLayout>());
    return GpadlHeader{
        .relid = layout.relid,
        .gpadl = layout.gpadl,
        .range_buffer_size = layout.range_buffer_size,
        .range_count = layout.range_count,
        .words = take_words(reader),
    };
}

Result<GuestMessage> parse_gpadl_body(Reader& reader) {
    const auto layout = HVIS_TRY(reader.take<GpadlBodyLayout>());
    return GpadlBody{
        .message_number = layout.message_number,
        .gpadl = layout.gpadl,
        .words = take_words(reader),
    };
}

Result<GuestMessage> parse_tl_connect_request(Reader& reader) {
    const auto layout = HVIS_TRY(reader.take<TlConnectRequestLayout>());
    return TlConnectRequest{.endpoint = {layout.endpoint}, .service = {layout.service}};
}

/// Starts a message; its fields are put in the order of the layouts above.
class Message {
public:
    explicit Message(MessageType type) {
        bytes_.reserve(kMaxMessagePayload);
        Writer(bytes_).put(Header{.type = static_cast<uint32_t>(type), .padding = 0});
    }
    template <class T>
    Message& put(const T& value) {
        Writer(bytes_).put(value);
        return *this;
    }
    Message& put_words(const std::vector<uint64_t>& words, size_t limit) {
        for (size_t index = 0; index < std::min(words.size(), limit); ++index) {
            put(words[index]);
        }
        return *this;
    }
    Bytes take() { return std::move(bytes_); }

private:
    Bytes bytes_;
};

struct Formatter {
    Bytes operator()(const InitiateContact& message) const {
        const uint64_t target = uint64_t{message.target_sint} | uint64_t{message.target_vtl} << 8U;
        const bool has_target = message.version >= static_cast<uint32_t>(VmbusVersion::kWin10_5_0);
        return Message(MessageType::kInitiateContact)
            .put(InitiateContactLayout{
                .version = message.version,
                .target_vp = message.target_vp,
                .interrupt_page_or_target = has_target ? target : message.interrupt_page,
                .monitor_page_in = message.monitor_page_in,
                .monitor_page_out = message.monitor_page_out,
            })
            .take();
    }
    Bytes operator()(const RequestOffers& /*message*/) const {
        return Message(MessageType::kRequestOffers).take();
    }
    Bytes operator()(const OpenChannel& message) const {
        return Message(MessageType::kOpenChannel)
            .put(OpenChannelLayout{
                .relid = message.relid,
                .open_id = message.open_id,
                .ring_gpadl = message.ring_gpadl,
                .target_vp = message.target_vp,
                .downstream_page_offset = message.downstream_page_offset,
                .user_data = message.user_data,
            })
            .take();
    }
    Bytes operator()(const CloseChannel& message) const {
        return Message(MessageType::kCloseChannel).put(message.relid).take();
    }
    Bytes operator()(const GpadlHeader& message) const {
        return Message(MessageType::kGpadlHeader)
            .put(GpadlHeaderLayout{
                .relid = message.relid,
                .gpadl = message.gpadl,
                .range_buffer_size = message.range_buffer_size,
                .range_count = message.range_count,
            })
            .put_words(message.words, kMaxGpadlHeaderWords)
            .take();
    }
    Bytes operator()(const GpadlBody& message) const {
        return Message(MessageType::kGpadlBody)
            .put(GpadlBodyLayout{.message_number = message.message_number, .gpadl = message.gpadl})
            .put_words(message.words, kMaxGpadlBodyWords)
            .take();
    }
    Bytes operator()(const GpadlTeardown& message) const {
        return Message(MessageType::kGpadlTeardown)
            .put(TwoWordLayout{.first = message.relid, .second = message.gpadl})
            .take();
    }
    Bytes operator()(const RelidReleased& message) const {
        return Message(MessageType::kRelidReleased).put(message.relid).take();
    }
    Bytes operator()(const Unload& /*message*/) const {
        return Message(MessageType::kUnload).take();
    }
    Bytes operator()(const TlConnectRequest& message) const {
        return Message(MessageType::kTlConnectRequest)
            .put(TlConnectRequestLayout{.endpoint = message.endpoint.bytes,
                                        .service = message.service.bytes})
            .take();
    }
    Bytes operator()(const ModifyChannel& message) const {
        return Message(MessageType::kModifyChannel)
            .put(TwoWordLayout{.first = message.relid, .second = message.target_vp})
            .take();
    }
};

}  // namespace

Result<GuestMessage> parse_guest_message(ByteView message) {
    Reader reader(message);
    const auto header = HVIS_TRY(reader.take<Header>());
    switch (static_cast<MessageType>(header.type)) {
        case MessageType::kInitiateContact:
            return parse_initiate_contact(reader);
        case MessageType::kRequestOffers:
            return RequestOffers{};
        case MessageType::kOpenChannel:
            return parse_open_channel(reader);
        case MessageType::kCloseChannel:
            return CloseChannel{.relid = HVIS_TRY(reader.take<uint32_t>())};
        case MessageType::kGpadlHeader:
            return parse_gpadl_header(reader);
        case MessageType::kGpadlBody:
            return parse_gpadl_body(reader);
        case MessageType::kGpadlTeardown: {
            const auto layout = HVIS_TRY(reader.take<TwoWordLayout>());
            return GpadlTeardown{.relid = layout.first, .gpadl = layout.second};
        }
        case MessageType::kRelidReleased:
            return RelidReleased{.relid = HVIS_TRY(reader.take<uint32_t>())};
        case MessageType::kUnload:
            return Unload{};
        case MessageType::kTlConnectRequest:
            return parse_tl_connect_request(reader);
        case MessageType::kModifyChannel: {
            const auto layout = HVIS_TRY(reader.take<TwoWordLayout>());
            return ModifyChannel{.relid = layout.first, .target_vp = layout.second};
        }
        case MessageType::kOfferChannel:
        case MessageType::kRescindOffer:
        case MessageType::kAllOffersDelivered:
        case MessageType::kOpenChannelResult:
        case MessageType::kGpadlCreated:
        case MessageType::kGpadlTorndown:
        case MessageType::kVersionResponse:
        case MessageType::kUnloadResponse:
        case MessageType::kTlConnectResult:
        case MessageType::kModifyChannelResponse:
            break;
    }
    return fail(Errc::kUnsupported, "not a message that guests send");
}

Bytes format_message(const GuestMessage& message) { return std::visit(Formatter{}, message); }

}  // namespace hvis::wire

// Open, close and retarget: Linux channel.c, __vmbus_open and vmbus_close_internal.

#include "vmbus/channel_server.h"
#include "vmbus/ring_memory.h"
#include "wire/hypercall.h"
#include "wire/ring_layout.h"

namespace hvis::vmbus {
namespace {

constexpr uint32_t kPageSize = wire::kRingPageSize;
/// A control page and one of data.
constexpr size_t kMinRingPages = 2;

}  // namespace

Result<OpenChannel> ChannelServer::plan_open(OfferId id, const Offer& offer,
                                             const wire::OpenChannel& request) const {
    const auto* found = gpadl(id, request.ring_gpadl);
    if (found == nullptr || found->releasing) {
        return fail(Errc::kInvalid, "no such GPADL for the rings");
    }
    const auto& memory = found->memory;
    if (memory.ranges.size() != 1 || memory.ranges.front().byte_offset != 0 ||
        memory.ranges.front().byte_count % kPageSize != 0) {
        return fail(Errc::kInvalid, "rings are not whole pages of one range");
    }
    const size_t split = request.downstream_page_offset;
    if (split < kMinRingPages || memory.pages.size() < kMinRingPages ||
        split > memory.pages.size() - kMinRingPages) {
        return fail(Errc::kInvalid, "a ring is too small");
    }
    if (request.target_vp >= config_.processor_count) {
        return fail(Errc::kInvalid, "no such processor");
    }
    // So many page numbers are copied in a moment: a GPADL tells its size in 16 bits.
    static_assert(UINT16_MAX / sizeof(uint64_t) <= RingMemory::kMaxDataPages);
    const auto middle = memory.pages.begin() + static_cast<ptrdiff_t>(split);
    return OpenChannel{
        .offer = id,
        .relid = offer.relid,
        .connection_id = connection_id_of(offer.relid),
        .target_vp = request.target_vp,
        .sint = wire::kVmbusSint,
        .event_flag = static_cast<uint16_t>(offer.relid),
        .ring_gpadl = request.ring_gpadl,
        .incoming_pages = {memory.pages.begin(), middle},
        .outgoing_pages = {middle, memory.pages.end()},
        .user_data = request.user_data,
    };
}

Result<void> ChannelServer::start_open(OfferId id, Offer& offer, const wire::OpenChannel& request) {
    auto plan = plan_open(id, offer, request);
    if (!plan) {
        send_open_result(request, wire::kNtInvalidParameter);
        return std::unexpected(plan.error());
    }
    offer.state = Opening{request};
    effects_.emplace_back(std::move(*plan));
    return {};
}

void ChannelServer::start_close(OfferId id, Offer& offer, const ChannelState& next) {
    offer.state = next;
    effects_.emplace_back(CloseChannel{id});
}

void ChannelServer::send_open_result(const wire::OpenChannel& request, uint32_t status) {
    send(wire::OpenChannelResult{
        .relid = request.relid, .open_id = request.open_id, .status = status});
}

Result<void> ChannelServer::on(const wire::OpenChannel& message) {
    const auto found = find_relid(message.relid);
    if (found == offers_.end()) {
        send_open_result(message, wire::kNtInvalidParameter);
        return fail(Errc::kNotFound, "open of a channel that is not offered");
    }
    auto& [id, offer] = *found;
    switch (phase_of(offer.state)) {
        case ChannelPhase::kOffered:
            return start_open(id, offer, message);
        case ChannelPhase::kClosing:
            offer.state = Reopening{message};
            return {};
        case ChannelPhase::kOpening:
        case ChannelPhase::kOpen:
        case ChannelPhase::kReopening:
            send_open_result(message, wire::kNtUnsuccessful);
            return fail(Errc::kState, "open of a channel that is open");
        case ChannelPhase::kRescinded:
        case ChannelPhase::kRescindedClosing:
        case ChannelPhase::kRescindHeld:
            // The guest has not seen the rescind yet; that will be its answer.
            return {};
        case ChannelPhase::kReleasedClosing:
        case ChannelPhase::kUnoffered:
        case ChannelPhase::kReleased:
            break;
    }
    return fail(Errc::kState, "open of a channel that was released");
}

Result<void> ChannelServer::on(const wire::CloseChannel& message) {
    const auto found = find_relid(message.relid);
    if (found == offers_.end()) {
        return fail(Errc::kNotFound, "close of a channel that is not offered");
    }
    auto& [id, offer] = *found;
    switch (phase_of(offer.state)) {
        case ChannelPhase::kOpening:
        case ChannelPhase::kOpen:
            start_close(id, offer, Closing{});
            return {};
        case ChannelPhase::kReopening:
            offer.state = Closing{};
            return {};
        case ChannelPhase::kRescinded:
        case ChannelPhase::kRescindedClosing:
        case ChannelPhase::kRescindHeld:
            // Linux closes what was rescinded; it is closed already.
            return {};
        case ChannelPhase::kOffered:
        case ChannelPhase::kClosing:
        case ChannelPhase::kReleasedClosing:
        case ChannelPhase::kUnoffered:
        case ChannelPhase::kReleased:
            break;
    }
    return fail(Errc::kState, "close of a channel that is not open");
}

wire::OpenChannel* ChannelServer::open_request(ChannelState& state) {
    switch (phase_of(state)) {
        case ChannelPhase::kOpening:
            return &std::get<Opening>(state).request;
        case ChannelPhase::kOpen:
            return &std::get<Open>(state).request;
        case ChannelPhase::kUnoffered:
        case ChannelPhase::kOffered:
        case ChannelPhase::kClosing:
        case ChannelPhase::kReopening:
        case ChannelPhase::kRescinded:
        case ChannelPhase::kRescindedClosing:
        case ChannelPhase::kRescindHeld:
        case ChannelPhase::kReleasedClosing:
        case ChannelPhase::kReleased:
            break;
    }
    return nullptr;
}

Result<void> ChannelServer::on(const wire::ModifyChannel& message) {
    const auto found = find_relid(message.relid);
    auto* request = found == offers_.end() ? nullptr : open_request(found->second.state);
    const bool possible = request != nullptr && message.target_vp < config_.processor_count;
    if (possible) {
        request->target_vp = message.target_vp;
        effects_.emplace_back(
            RetargetChannel{.offer = found->first, .target_vp = message.target_vp});
    }
    if (connected()->version >= wire::VmbusVersion::kWin10_5_3) {
        send(wire::ModifyChannelResponse{
            .relid = message.relid,
            .status = possible ? wire::kNtSuccess : wire::kNtInvalidParameter});
    }
    if (!possible) {
        return fail(Errc::kInvalid, "cannot move that channel's interrupt there");
    }
    return {};
}

void ChannelServer::open_result(OfferId id, uint32_t status) {
    const auto found = offers_.find(id);
    if (found == offers_.end() || !std::holds_alternative<Opening>(found->second.state)) {
        return;  // The guest or the host thought better of it meanwhile.
    }
    auto& state = found->second.state;
    const auto request = std::get<Opening>(state).request;
    send_open_result(request, status);
    if (status == wire::kNtSuccess) {
        state = Open{request};
    } else {
        state = Offered{};
        release_gpadls(id);
    }
    validate();
}

void ChannelServer::channel_closed(OfferId id) {
    const auto found = offers_.find(id);
    if (found == offers_.end()) {
        return;
    }
    auto& offer = found->second;
    if (connected() == nullptr) {
        if (device_is_attached(phase_of(offer.state))) {
            offer.state = Offered{};
            finish_leaving();
        }
    } else {
        finish_close(id, offer);
    }
    validate();
}

void ChannelServer::finish_close(OfferId id, Offer& offer) {
    switch (phase_of(offer.state)) {
        case ChannelPhase::kClosing:
            offer.state = Offered{};
            release_gpadls(id);
            return;
        case ChannelPhase::kReopening: {
            const auto request = std::get<Reopening>(offer.state).request;
            offer.state = Offered{};
            release_gpadls(id);
            // A refusal has gone to the guest, and there is nobody else to tell.
            (void)start_open(id, offer, request);
            return;
        }
        case ChannelPhase::kRescindedClosing:
            release_gpadls(id);
            tell_rescind(offer);
            tell_held_rescinds();
            return;
        case ChannelPhase::kReleasedClosing: {
            const bool rescinded = std::get<ReleasedClosing>(offer.state).rescinded;
            forget_relid(id, offer);
            offer.state = rescinded ? ChannelState(Unoffered{}) : ChannelState(Released{});
            drop_removed();
            offer_what_can_be();
            return;
        }
        case ChannelPhase::kUnoffered:
        case ChannelPhase::kOffered:
        case ChannelPhase::kOpening:
        case ChannelPhase::kOpen:
        case ChannelPhase::kRescinded:
        case ChannelPhase::kRescindHeld:
        case ChannelPhase::kReleased:
            return;  // Nobody asked the device to close.
    }
}

}  // namespace hvis::vmbus

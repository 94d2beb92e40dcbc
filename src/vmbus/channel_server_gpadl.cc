// GPADLs: Linux channel.c, __vmbus_establish_gpadl and vmbus_teardown_gpadl.

#include "vmbus/channel_server.h"

namespace hvis::vmbus {
namespace {

/// True if the open channel's rings are in this GPADL.
bool is_ring_of(const ChannelState& state, uint32_t handle) {
    if (const auto* opening = std::get_if<Opening>(&state)) {
        return opening->request.ring_gpadl == handle;
    }
    const auto* open = std::get_if<Open>(&state);
    return open != nullptr && open->request.ring_gpadl == handle;
}

uint32_t status_of(const Error& error) {
    return error.code == Errc::kLimit ? wire::kNtInsufficientResources : wire::kNtInvalidParameter;
}

}  // namespace

Result<void> ChannelServer::on(const wire::GpadlHeader& message) {
    const auto found = find_relid(message.relid);
    if (found == offers_.end() || !accepts_gpadls(phase_of(found->second.state))) {
        send(wire::GpadlCreated{
            .relid = message.relid, .gpadl = message.gpadl, .status = wire::kNtUnsuccessful});
        return fail(Errc::kState, "GPADL for a channel that is not offered");
    }
    const GpadlOwner owner{.offer = found->first, .relid = message.relid};
    return answer_gpadl(owner, message.gpadl, gpadls_.begin(owner.offer, message));
}

Result<void> ChannelServer::on(const wire::GpadlBody& message) {
    const auto owner = gpadls_.unfinished_owner(message.gpadl);
    if (!owner) {
        return fail(Errc::kNotFound, "GPADL body without an unfinished GPADL");
    }
    return answer_gpadl(*owner, message.gpadl, gpadls_.append(message));
}

Result<void> ChannelServer::answer_gpadl(const GpadlOwner& owner, uint32_t handle,
                                         const Result<GpadlProgress>& progress) {
    wire::GpadlCreated answer{.relid = owner.relid, .gpadl = handle, .status = wire::kNtSuccess};
    if (!progress) {
        answer.status = status_of(progress.error());
        send(answer);
        return std::unexpected(progress.error());
    }
    if (*progress == GpadlProgress::kMoreToCome) {
        return {};
    }
    // The channel may have been withdrawn while the bodies were on the way.
    if (!accepts_gpadls(phase_of(offers_.at(owner.offer).state))) {
        gpadls_.erase(handle);
        answer.status = wire::kNtUnsuccessful;
        send(answer);
        return fail(Errc::kState, "GPADL for a channel that was withdrawn");
    }
    effects_.emplace_back(GpadlCreated{.offer = owner.offer, .gpadl = handle});
    send(answer);
    return {};
}

Result<void> ChannelServer::on(const wire::GpadlTeardown& message) {
    auto* found = gpadls_.find(message.gpadl);
    if (found == nullptr || found->owner.relid != message.relid) {
        return fail(Errc::kNotFound, "teardown of a GPADL that the channel does not have");
    }
    if (found->releasing) {
        return fail(Errc::kState, "GPADL is being torn down");
    }
    const OfferId id = found->owner.offer;
    const auto& state = offers_.at(id).state;
    switch (phase_of(state)) {
        case ChannelPhase::kOffered:
        case ChannelPhase::kRescinded:
        case ChannelPhase::kRescindHeld:
            torndown(message.gpadl);
            return {};
        case ChannelPhase::kOpening:
        case ChannelPhase::kOpen:
            found->releasing = true;
            if (!is_ring_of(state, message.gpadl)) {
                effects_.emplace_back(ReleaseGpadl{.offer = id, .gpadl = message.gpadl});
            }
            return {};
        case ChannelPhase::kClosing:
        case ChannelPhase::kReopening:
        case ChannelPhase::kRescindedClosing:
        case ChannelPhase::kReleasedClosing:
            found->releasing = true;
            return {};
        case ChannelPhase::kUnoffered:
        case ChannelPhase::kReleased:
            break;  // Neither has GPADLs.
    }
    return fail(Errc::kState, "teardown on a channel that is not offered");
}

void ChannelServer::gpadl_released(OfferId id, uint32_t handle) {
    const auto* found = gpadl(id, handle);
    const auto offer = offers_.find(id);
    if (found == nullptr || !found->releasing || offer == offers_.end()) {
        return;
    }
    // The rings, and everything of a closing channel, are released by channel_closed.
    if (open_request(offer->second.state) != nullptr && !is_ring_of(offer->second.state, handle)) {
        torndown(handle);
    }
    validate();
}

void ChannelServer::release_gpadls(OfferId id) {
    for (const uint32_t handle : gpadls_.releasing(id)) {
        torndown(handle);
    }
}

void ChannelServer::torndown(uint32_t handle) {
    gpadls_.erase(handle);
    send(wire::GpadlTorndown{.gpadl = handle});
}

}  // namespace hvis::vmbus

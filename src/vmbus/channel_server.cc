#include "vmbus/channel_server.h"

#include <algorithm>
#include <cassert>

#include "wire/hypercall.h"

namespace hvis::vmbus {

bool ChannelServer::can_accept_message() const { return messages_.size() < kMaxWaitingMessages; }

Result<void> ChannelServer::handle_message(uint32_t connection_id, ByteView message) {
    if (connection_id != wire::kMessageConnectionId &&
        connection_id != wire::kMessageConnectionIdV5) {
        return fail(Errc::kInvalid, "message on a connection id that is not VMBus's");
    }
    if (!can_accept_message()) {
        return fail(Errc::kLimit, "too many answers wait for the guest");
    }
    const auto parsed = HVIS_TRY(wire::parse_guest_message(message));
    const auto number = HVIS_TRY(wire::peek_message_number(message));
    auto result = dispatch(connection_id, number, parsed);
    validate();
    return result;
}

Result<void> ChannelServer::dispatch(uint32_t connection_id, uint32_t number,
                                     const wire::GuestMessage& message) {
    if (const auto* contact = std::get_if<wire::InitiateContact>(&message)) {
        on_contact(connection_id, *contact);
        return {};
    }
    const auto* connection = connected();
    if (connection == nullptr) {
        return fail(Errc::kState, "message without a connection");
    }
    if (const auto* info = wire::find_message(number);
        info == nullptr || info->since > connection->version) {
        return fail(Errc::kUnsupported, "message that the agreed version does not have");
    }
    return std::visit([&](const auto& body) { return on(body); }, message);
}

const OutgoingMessage* ChannelServer::next_message() const {
    return messages_.empty() ? nullptr : &messages_.front();
}

void ChannelServer::message_sent() {
    if (!messages_.empty()) {
        messages_.pop_front();
    }
}

void ChannelServer::send(const wire::HostMessage& message) {
    // While the guest leaves, nothing but the answer to that is of use to it.
    if (const auto* connection = connected()) {
        send_to(connection->target, message);
    }
}

void ChannelServer::send_to(Target target, const wire::HostMessage& message) {
    messages_.push_back({.target_vp = target.vp,
                         .sint = wire::kVmbusSint,
                         .payload = wire::format_message(message)});
}

std::optional<wire::VmbusVersion> ChannelServer::version() const {
    const auto* connection = std::get_if<ConnectedTo>(&connection_);
    return connection == nullptr ? std::nullopt : std::optional(connection->version);
}

bool ChannelServer::is_idle() const { return std::holds_alternative<NotConnected>(connection_); }

std::optional<OfferStatus> ChannelServer::status(OfferId id) const {
    const auto found = offers_.find(id);
    if (found == offers_.end()) {
        return std::nullopt;
    }
    const auto& offer = found->second;
    return OfferStatus{
        .phase = phase_of(offer.state),
        .relid = offer.relid,
        .connection_id = offer.relid == 0 ? 0 : connection_id_of(offer.relid),
        .wanted = offer.wanted,
    };
}

const Gpadl* ChannelServer::gpadl(OfferId offer, uint32_t handle) const {
    const auto* found = gpadls_.find(handle);
    return found != nullptr && found->owner.offer == offer ? found : nullptr;
}

uint32_t ChannelServer::connection_id_of(uint32_t relid) {
    return relid | uint32_t{wire::kVmbusSint} << 12U;
}

bool ChannelServer::offer_is_consistent(OfferId id, const Offer& offer) const {
    const auto phase = phase_of(offer.state);
    if (guest_knows(phase) != (offer.relid != 0)) {
        return false;
    }
    if (offer.relid > wire::kLastRelid || (offer.relid != 0 && by_relid_[offer.relid] != id)) {
        return false;
    }
    if (offer.removed && offer.wanted) {
        return false;
    }
    const bool leaving = std::holds_alternative<Leaving>(connection_);
    if (!offer.wanted && !leaving && (accepts_gpadls(phase) || phase == ChannelPhase::kReleased)) {
        return false;
    }
    const auto* connection = std::get_if<ConnectedTo>(&connection_);
    const bool may_be_known = leaving || (connection != nullptr && connection->offers_sent);
    return may_be_known || phase == ChannelPhase::kUnoffered;
}

bool ChannelServer::consistent() const {
    size_t known = 0;
    bool attached = false;
    for (const auto& [id, offer] : offers_) {
        if (!offer_is_consistent(id, offer)) {
            return false;
        }
        known += offer.relid != 0 ? 1 : 0;
        attached = attached || device_is_attached(phase_of(offer.state));
    }
    const auto taken = std::ranges::count_if(by_relid_, [](OfferId id) { return id.value != 0; });
    if (known != static_cast<size_t>(taken) || (is_idle() && gpadls_.count() != 0)) {
        return false;
    }
    if (std::holds_alternative<Leaving>(connection_) && !attached) {
        return false;
    }
    const bool owned = gpadls_.owned_only_by([&](const GpadlOwner& owner) {
        const auto found = offers_.find(owner.offer);
        return found != offers_.end() && found->second.relid == owner.relid && owner.relid != 0;
    });
    return owned && gpadls_.consistent() && offers_.size() <= kMaxOffers &&
           messages_.size() <= kMaxQueuedMessages;
}

void ChannelServer::validate() const { assert(consistent()); }

}  // namespace hvis::vmbus

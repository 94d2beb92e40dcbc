// Offers, rescinds and relids: Linux channel_mgmt.c, vmbus_onoffer and vmbus_onoffer_rescind.

#include <algorithm>

#include "vmbus/channel_server.h"

namespace hvis::vmbus {

Result<OfferId> ChannelServer::add_offer(const OfferParams& params) {
    if (offers_.size() >= kMaxOffers) {
        return fail(Errc::kLimit, "too many offers");
    }
    for (const auto& [id, offer] : offers_) {
        if (!offer.removed && same_channel(offer.params, params)) {
            return fail(Errc::kInvalid, "the same channel is offered already");
        }
    }
    const OfferId id{next_offer_++};
    offers_[id].params = params;
    offer_what_can_be();
    validate();
    return id;
}

Result<void> ChannelServer::rescind(OfferId id) { return withdraw(id, AfterRescind::kKeep); }

Result<void> ChannelServer::remove(OfferId id) { return withdraw(id, AfterRescind::kForget); }

Result<void> ChannelServer::reoffer(OfferId id) {
    const auto found = offers_.find(id);
    if (found == offers_.end() || found->second.removed) {
        return fail(Errc::kNotFound, "no such offer");
    }
    found->second.wanted = true;
    offer_what_can_be();
    validate();
    return {};
}

Result<void> ChannelServer::withdraw(OfferId id, AfterRescind after) {
    const auto found = offers_.find(id);
    if (found == offers_.end() || found->second.removed) {
        return fail(Errc::kNotFound, "no such offer");
    }
    for (auto& [sub_id, sub] : offers_) {
        if (!sub.removed && is_subchannel_of(sub.params, found->second.params)) {
            withdraw_one(sub_id, sub);
            sub.removed = after == AfterRescind::kForget;
        }
    }
    withdraw_one(id, found->second);
    found->second.removed = after == AfterRescind::kForget;
    drop_removed();
    validate();
    return {};
}

void ChannelServer::withdraw_one(OfferId id, Offer& offer) {
    offer.wanted = false;
    if (connected() == nullptr) {
        return;
    }
    switch (phase_of(offer.state)) {
        case ChannelPhase::kOffered:
            tell_rescind(offer);
            break;
        case ChannelPhase::kOpening:
        case ChannelPhase::kOpen:
            start_close(id, offer, RescindedClosing{});
            break;
        case ChannelPhase::kClosing:
        case ChannelPhase::kReopening:
            offer.state = RescindedClosing{};
            break;
        case ChannelPhase::kReleasedClosing:
            offer.state = ReleasedClosing{.rescinded = true};
            break;
        case ChannelPhase::kReleased:
            offer.state = Unoffered{};
            break;
        case ChannelPhase::kUnoffered:
        case ChannelPhase::kRescinded:
        case ChannelPhase::kRescindedClosing:
        case ChannelPhase::kRescindHeld:
            break;
    }
}

/// Linux frees a primary channel on its rescind and would then look for it on its subchannels'.
void ChannelServer::tell_rescind(Offer& offer) {
    const bool held = std::ranges::any_of(offers_, [&](const auto& entry) {
        const auto phase = phase_of(entry.second.state);
        return is_subchannel_of(entry.second.params, offer.params) && guest_knows(phase) &&
               phase != ChannelPhase::kRescinded && phase != ChannelPhase::kReleasedClosing;
    });
    if (held) {
        offer.state = RescindHeld{};
        return;
    }
    offer.state = Rescinded{};
    send(wire::RescindOffer{.relid = offer.relid});
}

void ChannelServer::tell_held_rescinds() {
    for (auto& [id, offer] : offers_) {
        if (phase_of(offer.state) == ChannelPhase::kRescindHeld) {
            tell_rescind(offer);
        }
    }
}

Result<void> ChannelServer::on(const wire::RequestOffers& /*message*/) {
    auto* connection = connected();
    if (connection->offers_sent) {
        return fail(Errc::kState, "offers were asked for before");
    }
    connection->offers_sent = true;
    offer_what_can_be();
    send(wire::AllOffersDelivered{});
    return {};
}

Result<void> ChannelServer::on(const wire::RelidReleased& message) {
    const auto found = find_relid(message.relid);
    if (found == offers_.end()) {
        return fail(Errc::kNotFound, "release of a relid that is not taken");
    }
    auto& [id, offer] = *found;
    switch (phase_of(offer.state)) {
        case ChannelPhase::kRescinded:
        case ChannelPhase::kRescindHeld:
            forget_relid(id, offer);
            offer.state = Unoffered{};
            drop_removed();
            offer_what_can_be();
            return {};
        case ChannelPhase::kOffered:
            // Linux does this to every channel when its VMBus driver is unloaded.
            forget_relid(id, offer);
            offer.state = Released{};
            return {};
        case ChannelPhase::kOpening:
        case ChannelPhase::kOpen:
            start_close(id, offer, ReleasedClosing{});
            return {};
        case ChannelPhase::kClosing:
        case ChannelPhase::kReopening:
            offer.state = ReleasedClosing{};
            return {};
        case ChannelPhase::kRescindedClosing:
            offer.state = ReleasedClosing{.rescinded = true};
            tell_held_rescinds();
            return {};
        case ChannelPhase::kReleasedClosing:
        case ChannelPhase::kUnoffered:
        case ChannelPhase::kReleased:
            break;
    }
    return fail(Errc::kState, "relid was released before");
}

void ChannelServer::offer_what_can_be() {
    const auto* connection = connected();
    if (connection == nullptr || !connection->offers_sent) {
        return;
    }
    std::vector<OfferMap::iterator> waiting;
    for (auto entry = offers_.begin(); entry != offers_.end(); ++entry) {
        if (entry->second.wanted && phase_of(entry->second.state) == ChannelPhase::kUnoffered) {
            waiting.push_back(entry);
        }
    }
    std::ranges::sort(waiting, [](const auto& a, const auto& b) {
        return offered_before(a->second.params, b->second.params);
    });
    for (const auto& entry : waiting) {
        if (can_be_offered(entry->second.params)) {
            offer_now(entry->first, entry->second);
        }
    }
}

/// Linux takes two offers of one channel for a host's bug, and a subchannel without its primary for
/// a device.
bool ChannelServer::can_be_offered(const OfferParams& params) const {
    bool primary_is_known = params.subchannel_index == 0;
    for (const auto& [id, offer] : offers_) {
        if (offer.relid == 0) {
            continue;
        }
        if (same_channel(offer.params, params)) {
            return false;
        }
        if (is_subchannel_of(params, offer.params) && accepts_gpadls(phase_of(offer.state))) {
            primary_is_known = true;
        }
    }
    return primary_is_known;
}

void ChannelServer::offer_now(OfferId id, Offer& offer) {
    const auto* const free =
        std::ranges::find(by_relid_.begin() + wire::kFirstRelid, by_relid_.end(), OfferId{});
    if (free == by_relid_.end()) {
        return;  // More offers than relids; the next release makes room.
    }
    offer.relid = static_cast<uint32_t>(free - by_relid_.begin());
    by_relid_[offer.relid] = id;
    offer.state = Offered{};
    send(wire::OfferChannel{
        .interface_type = offer.params.interface_type,
        .instance = offer.params.instance,
        .flags = offer.params.flags,
        .mmio_megabytes = offer.params.mmio_megabytes,
        .user_defined = offer.params.user_defined,
        .subchannel_index = offer.params.subchannel_index,
        .relid = offer.relid,
        .monitor_id = 0,
        .monitor_allocated = false,
        .dedicated_interrupt = true,
        .connection_id = connection_id_of(offer.relid),
    });
}

void ChannelServer::forget_relid(OfferId id, Offer& offer) {
    gpadls_.erase_channel(id);
    by_relid_[offer.relid] = {};
    offer.relid = 0;
}

void ChannelServer::drop_removed() {
    std::erase_if(offers_, [](const auto& entry) {
        return entry.second.removed && phase_of(entry.second.state) == ChannelPhase::kUnoffered;
    });
}

ChannelServer::OfferMap::iterator ChannelServer::find_relid(uint32_t relid) {
    return relid < by_relid_.size() ? offers_.find(by_relid_[relid]) : offers_.end();
}

}  // namespace hvis::vmbus

#include "vmbus/channel_client.h"

#include <algorithm>

#include "wire/hypercall.h"

namespace hvis::vmbus {

using wire::VmbusVersion;

void ChannelClient::forget_everything() {
    channels_.clear();
    gpadls_.clear();
    messages_.clear();
}

void ChannelClient::connect() {
    forget_everything();
    effects_.clear();
    contact_with(config_.max_version);
}

void ChannelClient::contact_with(VmbusVersion version) {
    state_ = State::kContacting;
    version_ = version;
    connection_id_ = version >= VmbusVersion::kWin10_5_0 ? wire::kMessageConnectionIdV5
                                                         : wire::kMessageConnectionId;
    post(wire::InitiateContact{
        .version = static_cast<uint32_t>(version),
        .target_vp = config_.target_vp,
        .target_sint = config_.target_sint,
        .target_vtl = 0,
        .interrupt_page = config_.interrupt_page,
        .monitor_page_in = config_.monitor_page_in,
        .monitor_page_out = config_.monitor_page_out,
    });
}

void ChannelClient::try_next_version() {
    const auto versions = wire::vmbus_versions();
    const auto next =
        std::ranges::find_if(versions, [&](VmbusVersion version) { return version < version_; });
    if (next == versions.end()) {
        state_ = State::kDisconnected;
        effects_.emplace_back(ContactFailed{});
        return;
    }
    contact_with(*next);
}

void ChannelClient::contact_undeliverable() {
    if (state_ == State::kContacting) {
        messages_.clear();
        try_next_version();
    }
}

Result<void> ChannelClient::on(const wire::VersionResponse& message) {
    if (state_ != State::kContacting) {
        return fail(Errc::kState, "version response without a contact");
    }
    if (!message.supported) {
        try_next_version();
        return {};
    }
    state_ = State::kConnected;
    if (version_ >= VmbusVersion::kWin10_5_0) {
        connection_id_ = message.connection_id;
    }
    effects_.emplace_back(Connected{version_});
    return {};
}

Result<void> ChannelClient::request_offers() {
    HVIS_CHECK(check_ready());
    post(wire::RequestOffers{});
    return {};
}

Result<void> ChannelClient::on(const wire::OfferChannel& message) {
    if (message.relid < wire::kFirstRelid || message.relid > wire::kLastRelid ||
        channels_.contains(message.relid)) {
        return fail(Errc::kProtocol, "offer with a bad relid, or one that is taken");
    }
    channels_[message.relid].offer = message;
    effects_.emplace_back(Offered{message});
    return {};
}

Result<void> ChannelClient::on(const wire::AllOffersDelivered& /*message*/) {
    effects_.emplace_back(AllOffersDelivered{});
    return {};
}

Result<void> ChannelClient::on(const wire::RescindOffer& message) {
    const auto found = channels_.find(message.relid);
    if (found == channels_.end() || found->second.rescinded) {
        return fail(Errc::kNotFound, "rescind of a channel that is not offered");
    }
    found->second.rescinded = true;
    effects_.emplace_back(Rescinded{message.relid});
    return {};
}

Result<void> ChannelClient::release(uint32_t relid) {
    HVIS_CHECK(check_ready());
    const auto found = channels_.find(relid);
    if (found == channels_.end()) {
        return fail(Errc::kNotFound, "no such channel");
    }
    if (!found->second.rescinded || found->second.use != ChannelUse::kClosed) {
        return fail(Errc::kState, "channel is open or still offered");
    }
    channels_.erase(found);
    std::erase_if(gpadls_, [&](const auto& entry) { return entry.second.relid == relid; });
    post(wire::RelidReleased{relid});
    return {};
}

Result<void> ChannelClient::unload() {
    HVIS_CHECK(check_ready());
    forget_everything();
    state_ = State::kUnloading;
    post(wire::Unload{});
    return {};
}

Result<void> ChannelClient::on(const wire::UnloadResponse& /*message*/) {
    if (state_ != State::kUnloading) {
        return fail(Errc::kState, "unload response without an unload");
    }
    state_ = State::kDisconnected;
    effects_.emplace_back(Unloaded{});
    return {};
}

Result<void> ChannelClient::on(const wire::TlConnectResult& /*message*/) {
    return fail(Errc::kState, "socket result without a socket");
}

Result<void> ChannelClient::handle_message(ByteView message) {
    const auto parsed = HVIS_TRY(wire::parse_host_message(message));
    const bool ends_a_state = std::holds_alternative<wire::VersionResponse>(parsed) ||
                              std::holds_alternative<wire::UnloadResponse>(parsed);
    if (state_ != State::kConnected && !ends_a_state) {
        return fail(Errc::kState, "message without a connection");
    }
    return std::visit([&](const auto& body) { return on(body); }, parsed);
}

Result<void> ChannelClient::check_ready() const {
    if (state_ != State::kConnected) {
        return fail(Errc::kState, "not connected");
    }
    if (messages_.size() >= kMaxQueuedMessages) {
        return fail(Errc::kLimit, "too many messages wait for the host");
    }
    return {};
}

void ChannelClient::post(const wire::GuestMessage& message) {
    messages_.push_back(
        {.connection_id = connection_id_, .payload = wire::format_message(message)});
}

const ChannelClient::PostedMessage* ChannelClient::next_message() const {
    return messages_.empty() ? nullptr : &messages_.front();
}

void ChannelClient::message_sent() {
    if (!messages_.empty()) {
        messages_.pop_front();
    }
}

std::vector<uint32_t> ChannelClient::relids() const {
    std::vector<uint32_t> all;
    all.reserve(channels_.size());
    for (const auto& [relid, channel] : channels_) {
        all.push_back(relid);
    }
    return all;
}

bool ChannelClient::is_open(uint32_t relid) const {
    const auto found = channels_.find(relid);
    return found != channels_.end() && found->second.use == ChannelUse::kOpen;
}

}  // namespace hvis::vmbus

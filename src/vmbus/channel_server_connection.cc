// Contact, version negotiation, unload and reset: Linux connection.c and vmbus_initiate_unload.

#include "vmbus/channel_server.h"
#include "wire/hypercall.h"

namespace hvis::vmbus {
namespace {

using wire::VmbusVersion;

bool at_least(uint32_t version, VmbusVersion other) {
    return version >= static_cast<uint32_t>(other);
}

}  // namespace

/// Messages went to processor 0 before 3.0.
ChannelServer::Target ChannelServer::contact_target(const wire::InitiateContact& message) const {
    const bool usable = at_least(message.version, VmbusVersion::kWin8_1) &&
                        message.target_vp < config_.processor_count;
    return {.vp = usable ? message.target_vp : 0};
}

std::optional<VmbusVersion> ChannelServer::acceptable_version(
    uint32_t connection_id, const wire::InitiateContact& message) const {
    const auto version = wire::vmbus_version_from_wire(message.version);
    if (!version || *version > config_.max_version) {
        return std::nullopt;
    }
    if (*version >= VmbusVersion::kWin8_1 && message.target_vp >= config_.processor_count) {
        return std::nullopt;
    }
    // From 5.0 on, contact is made on connection id 4 and names where answers go; a guest may use
    // that id for older versions too. A partition delivers on VMBus's own source only, which is
    // what Linux names (vmbus_negotiate_version: msg_sint = VMBUS_MESSAGE_SINT).
    if (*version >= VmbusVersion::kWin10_5_0 &&
        (connection_id != wire::kMessageConnectionIdV5 || message.target_vtl != 0 ||
         message.target_sint != wire::kVmbusSint)) {
        return std::nullopt;
    }
    return version;
}

void ChannelServer::on_contact(uint32_t connection_id, const wire::InitiateContact& message) {
    if (auto* leaving = std::get_if<Leaving>(&connection_)) {
        // Whoever said good-bye is gone; a guest that is being reset has nothing to say.
        if (leaving->reason != DisconnectReason::kReset) {
            leaving->reason = DisconnectReason::kReconnect;
            leaving->contact = message;
            leaving->contact_connection_id = connection_id;
        }
        return;
    }
    if (connected() != nullptr) {
        leave({.reason = DisconnectReason::kReconnect,
               .target = {},
               .contact = message,
               .contact_connection_id = connection_id});
        return;
    }
    answer_contact(connection_id, message);
}

void ChannelServer::answer_contact(uint32_t connection_id, const wire::InitiateContact& message) {
    const auto target = contact_target(message);
    const auto version = acceptable_version(connection_id, message);
    wire::VersionResponse response{.supported = version.has_value()};
    if (version) {
        response.connection_id =
            *version >= VmbusVersion::kWin10_5_0 ? wire::kMessageConnectionIdV5 : message.version;
        connection_ = ConnectedTo{.version = *version, .target = target};
        effects_.emplace_back(
            Connected{.version = *version, .target_vp = target.vp, .sint = wire::kVmbusSint});
    }
    send_to(target, response);
}

Result<void> ChannelServer::on(const wire::Unload& /*message*/) {
    leave({.reason = DisconnectReason::kUnload,
           .target = connected()->target,
           .contact = std::nullopt});
    return {};
}

Result<void> ChannelServer::on(const wire::TlConnectRequest& message) {
    if (connected()->version >= VmbusVersion::kWin10_4_1) {
        send(wire::TlConnectResult{.endpoint = message.endpoint,
                                   .service = message.service,
                                   .status = wire::kNtConnectionRefused});
    }
    return {};
}

void ChannelServer::reset() {
    messages_.clear();
    if (auto* leaving = std::get_if<Leaving>(&connection_)) {
        leaving->reason = DisconnectReason::kReset;
        leaving->contact.reset();
    } else if (connected() != nullptr) {
        leave({.reason = DisconnectReason::kReset, .target = {}, .contact = std::nullopt});
    }
    validate();
}

/// Starts to close everything; the guest has its answer when the last device is done.
void ChannelServer::leave(Leaving leaving) {
    messages_.clear();
    for (auto& [id, offer] : offers_) {
        switch (phase_of(offer.state)) {
            case ChannelPhase::kOpening:
            case ChannelPhase::kOpen:
                start_close(id, offer, Closing{});
                break;
            case ChannelPhase::kReopening:
                offer.state = Closing{};
                break;
            case ChannelPhase::kUnoffered:
            case ChannelPhase::kOffered:
            case ChannelPhase::kClosing:
            case ChannelPhase::kRescinded:
            case ChannelPhase::kRescindedClosing:
            case ChannelPhase::kRescindHeld:
            case ChannelPhase::kReleasedClosing:
            case ChannelPhase::kReleased:
                break;
        }
    }
    connection_ = leaving;
    finish_leaving();
}

void ChannelServer::finish_leaving() {
    const auto* waiting = std::get_if<Leaving>(&connection_);
    if (waiting == nullptr) {
        return;
    }
    for (const auto& [id, offer] : offers_) {
        if (device_is_attached(phase_of(offer.state))) {
            return;
        }
    }
    const Leaving leaving = *waiting;
    for (auto& [id, offer] : offers_) {
        offer.state = Unoffered{};
        offer.relid = 0;
    }
    by_relid_.fill({});
    gpadls_.clear();
    drop_removed();
    connection_ = NotConnected{};
    effects_.emplace_back(Disconnected{leaving.reason});
    if (leaving.contact) {
        answer_contact(leaving.contact_connection_id, *leaving.contact);
    } else if (leaving.reason == DisconnectReason::kUnload) {
        send_to(leaving.target, wire::UnloadResponse{});
    }
}

}  // namespace hvis::vmbus

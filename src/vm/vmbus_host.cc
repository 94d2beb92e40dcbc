#include "vm/vmbus_host.h"

#include <string>
#include <utility>
#include <variant>

#include "vm/trace.h"
#include "wire/hypercall.h"

namespace hvis::vm {

VmbusHost::VmbusHost(Partition& partition, loop::Loop& loop, wire::VmbusVersion max_version,
                     VmbusObserver* observer)
    : partition_(partition),
      loop_(loop),
      observer_(observer),
      server_({.max_version = max_version, .processor_count = partition.processor_count()}) {
    partition_.accept_messages(wire::kMessageConnectionId);
    partition_.accept_messages(wire::kMessageConnectionIdV5);
}

VmbusHost::~VmbusHost() {
    forget_slot();
    for (auto& [offer, slot] : slots_) {
        if (slot.endpoint) {
            slot.device->closed();
            slot.endpoint.reset();
        }
    }
}

Result<vmbus::OfferId> VmbusHost::add(VmbusDevice& device) {
    const auto offer = HVIS_TRY(server_.add_offer(device.offer()));
    slots_.emplace(offer, Slot{.device = &device, .endpoint = nullptr});
    run();
    return offer;
}

Result<void> VmbusHost::withdraw(vmbus::OfferId offer) {
    HVIS_CHECK(server_.rescind(offer));
    run();
    return {};
}

Result<void> VmbusHost::show(vmbus::OfferId offer) {
    HVIS_CHECK(server_.reoffer(offer));
    run();
    return {};
}

Result<void> VmbusHost::remove(vmbus::OfferId offer) {
    HVIS_CHECK(server_.remove(offer));
    run();
    slots_.erase(offer);
    return {};
}

bool VmbusHost::message_posted(uint32_t connection_id, uint32_t type, ByteView payload) {
    if (slot_busy_) {
        slot_may_be_free();
    }
    if (!server_.can_accept_message()) {
        refused_one_ = true;
        return false;
    }
    if (type != wire::kVmbusMessageType) {
        note_rejected({Errc::kProtocol, "message is not of the VMBus type"});
        return true;
    }
    trace_bytes("vmbus", "guest posts", message_name(payload), payload);
    if (const auto handled = server_.handle_message(connection_id, payload); !handled) {
        note_rejected(handled.error());
    }
    run();
    return true;
}

void VmbusHost::message_slot_freed() { slot_may_be_free(); }

void VmbusHost::forget_slot() {
    loop_.cancel_timer(std::exchange(look_again_, 0));
    slot_busy_ = false;
}

void VmbusHost::slot_may_be_free() {
    forget_slot();
    run();
}

// The end of message may never come: a guest that crashed empties the slots of all its processors
// from one of them, and the kernel after it has slots of its own.
void VmbusHost::wait_for_slot() {
    slot_busy_ = true;
    if (look_again_ == 0) {
        look_again_ = loop_.add_timer(loop::Loop::now() + look_again_after_, [this] {
            look_again_ = 0;
            look_again_after_ = std::min<Duration>(2 * look_again_after_, kLongestLook);
            slot_may_be_free();
        });
    }
}

void VmbusHost::reset() {
    server_.reset();
    forget_slot();
    run();
}

void VmbusHost::run() {
    if (std::exchange(running_, true)) {
        return;
    }
    // A device that opens or closes makes new effects; they come after those of its own batch.
    for (auto effects = server_.take_effects(); !effects.empty();
         effects = server_.take_effects()) {
        for (const auto& effect : effects) {
            std::visit([this](const auto& each) { apply(each); }, effect);
        }
    }
    post_messages();
    running_ = false;
    if (refused_one_ && server_.can_accept_message()) {
        refused_one_ = false;
        partition_.retry_messages();
    }
}

void VmbusHost::apply(const vmbus::Connected& effect) {
    if (observer_ != nullptr) {
        observer_->vmbus_connected(effect.version);
    }
}

void VmbusHost::apply(const vmbus::Disconnected& effect) {
    forget_slot();  // Whatever waited was for the connection that is over.
    if (observer_ != nullptr) {
        observer_->vmbus_disconnected(effect.reason);
    }
}

void VmbusHost::apply(const vmbus::OpenChannel& effect) {
    const auto found = slots_.find(effect.offer);
    if (found == slots_.end()) {
        server_.open_result(effect.offer, wire::kNtUnsuccessful);
        return;
    }
    Slot& slot = found->second;
    auto endpoint = ChannelEndpoint::open(effect, partition_, loop_,
                                          [device = slot.device] { device->kicked(); });
    if (!endpoint) {
        note_rejected(endpoint.error());
        server_.open_result(effect.offer, wire::kNtInvalidParameter);
        return;
    }
    slot.endpoint = *std::move(endpoint);
    server_.open_result(effect.offer, wire::kNtSuccess);
    slot.device->opened(*slot.endpoint);
}

void VmbusHost::apply(const vmbus::CloseChannel& effect) {
    const auto found = slots_.find(effect.offer);
    if (found != slots_.end() && found->second.endpoint) {
        found->second.device->closed();
        found->second.endpoint.reset();
    }
    server_.channel_closed(effect.offer);
}

void VmbusHost::apply(const vmbus::RetargetChannel& effect) {
    const auto found = slots_.find(effect.offer);
    if (found != slots_.end() && found->second.endpoint) {
        found->second.endpoint->retarget(effect.target_vp);
    }
}

void VmbusHost::apply(const vmbus::GpadlCreated& /*effect*/) {}

void VmbusHost::apply(const vmbus::ReleaseGpadl& effect) {
    // No device of today keeps a GPADL other than its rings.
    server_.gpadl_released(effect.offer, effect.gpadl);
}

void VmbusHost::post_messages() {
    while (!slot_busy_) {
        const vmbus::OutgoingMessage* message = server_.next_message();
        if (message == nullptr) {
            return;
        }
        const auto posted =
            partition_.post_message({.vp = message->target_vp, .sint = message->sint},
                                    {.type = wire::kVmbusMessageType, .payload = message->payload});
        // The host may be out of what it takes to wait for the guest; the message is not lost by
        // it.
        const bool short_of_memory = !posted && posted.error().code == Errc::kOs;
        if (short_of_memory || (posted && *posted == PostResult::kSlotBusy)) {
            wait_for_slot();
            return;
        }
        look_again_after_ = kFirstLook;
        trace_bytes("vmbus", "host posts", message_name(message->payload), message->payload);
        if (!posted || *posted == PostResult::kDisabled) {
            note_rejected({Errc::kState, "guest has no page for the message it waits for"});
        }
        server_.message_sent();
    }
}

void VmbusHost::note_rejected(const Error& error) {
    ++rejected_;
    if (!rejected_limit_.allow(loop::Loop::now())) {
        return;
    }
    log(LogLevel::kWarning, "vmbus", std::string("guest: ").append(error.what));
    if (observer_ != nullptr) {
        observer_->vmbus_message_rejected(error.what, rejected_limit_.take_suppressed());
    }
}

}  // namespace hvis::vm

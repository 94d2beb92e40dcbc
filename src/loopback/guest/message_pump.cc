#include "loopback/guest/message_pump.h"

#include "base/log.h"

namespace hvis::loopback {

MessagePump::MessagePump(loop::Loop& loop, Machine& machine, vmbus::ChannelClient& client)
    : loop_(loop), machine_(machine), client_(client) {}

MessagePump::~MessagePump() { loop_.cancel_timer(retry_); }

void MessagePump::post() {
    const auto* message = client_.next_message();
    if (posting_ || retry_ != 0 || message == nullptr) {
        return;
    }
    posting_ = true;
    machine_.post_message(message->connection_id, wire::kVmbusMessageType, message->payload);
}

void MessagePump::answered(wire::HvStatus status) {
    posting_ = false;
    if (status == wire::HvStatus::kInsufficientBuffers) {
        ++refusals_;
        if (const auto pause = backoff_.refused()) {
            retry_ = loop_.add_timer(loop::Loop::now() + *pause, [this] {
                retry_ = 0;
                post();
            });
            return;
        }
        log(LogLevel::kWarning, "loopback", "gave a message up: the host never has a buffer");
    }
    backoff_.over();
    if (status == wire::HvStatus::kInvalidConnectionId) {
        // An older host: the contact is made again where older versions do. Any other message is
        // lost, as it is for Linux.
        const bool connected = client_.is_connected();
        client_.contact_undeliverable();
        if (connected) {
            client_.message_sent();
        }
    } else {
        client_.message_sent();
    }
    post();
}

}  // namespace hvis::loopback

#pragma once

#include "base/time.h"
#include "loop/loop.h"
#include "loopback/guest/machine.h"
#include "loopback/guest/post_backoff.h"
#include "vmbus/channel_client.h"

namespace hvis::loopback {

/// Posts a channel client's messages one by one, and again where the host had no buffer, as far as
/// PostBackoff lets it; then the message is lost, as it is for Linux. Loop thread.
class MessagePump {
public:
    /// All must outlive the pump.
    MessagePump(loop::Loop& loop, Machine& machine, vmbus::ChannelClient& client);
    ~MessagePump();
    MessagePump(const MessagePump&) = delete;
    MessagePump& operator=(const MessagePump&) = delete;

    /// Posts the client's next message, unless one is on its way.
    void post();
    /// HvPostMessage came to this.
    void answered(wire::HvStatus status);

    /// Messages that the host had no buffer for, since the start.
    [[nodiscard]] uint64_t refusals() const { return refusals_; }

private:
    loop::Loop& loop_;
    Machine& machine_;
    vmbus::ChannelClient& client_;
    bool posting_ = false;
    PostBackoff backoff_;
    loop::Loop::TimerId retry_ = 0;
    uint64_t refusals_ = 0;
};

}  // namespace hvis::loopback

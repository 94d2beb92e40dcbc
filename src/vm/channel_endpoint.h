#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "base/result.h"
#include "base/unique_fd.h"
#include "loop/loop.h"
#include "vm/partition.h"
#include "vmbus/channel_effects.h"
#include "vmbus/ring_reader.h"
#include "vmbus/ring_writer.h"

namespace hvis::vm {

/// The host's end of one open channel: both rings in guest memory, the port that the guest's kicks
/// arrive at, and the interrupt that goes back.
///
/// Loop thread. The guest's kick reaches `on_kick` through an eventfd that the kernel signals; no
/// virtual processor leaves the guest for it.
class ChannelEndpoint {
public:
    /// Maps the rings and connects the port. Fails with kInvalid when the guest named pages that it
    /// does not have, kProtocol when a ring's indices are not places in it.
    static Result<std::unique_ptr<ChannelEndpoint>> open(const vmbus::OpenChannel& channel,
                                                         Partition& partition, loop::Loop& loop,
                                                         std::function<void()> on_kick);
    ~ChannelEndpoint();
    ChannelEndpoint(const ChannelEndpoint&) = delete;
    ChannelEndpoint& operator=(const ChannelEndpoint&) = delete;

    [[nodiscard]] vmbus::RingReader& reader() { return reader_; }
    [[nodiscard]] vmbus::RingWriter& writer() { return writer_; }
    /// Interrupts the guest for this channel.
    void signal() { partition_.signal_event(target_, event_flag_); }
    /// The same though the guest has not looked at the last one: it may have missed it.
    void signal_again() { partition_.signal_event_again(target_, event_flag_); }
    void retarget(uint32_t vp) { target_.vp = vp; }
    /// Kicks from the guest since the channel opened.
    [[nodiscard]] uint64_t kicks() const { return kicks_; }

private:
    ChannelEndpoint(const vmbus::OpenChannel& channel, Partition& partition, loop::Loop& loop,
                    UniqueFd kick, vmbus::RingReader reader, vmbus::RingWriter writer);
    void drain_kick();

    Partition& partition_;
    loop::Loop& loop_;
    UniqueFd kick_;
    vmbus::RingReader reader_;
    vmbus::RingWriter writer_;
    SynicTarget target_;
    uint16_t event_flag_;
    uint32_t connection_id_;
    uint64_t kicks_ = 0;
};

}  // namespace hvis::vm

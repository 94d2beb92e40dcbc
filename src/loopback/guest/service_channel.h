#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "ic/guest_service.h"
#include "vm/guest_memory.h"
#include "vmbus/ring_reader.h"
#include "vmbus/ring_writer.h"

namespace hvis::loopback {

/// The guest's end of one integration service's channel: both rings, drained into the service,
/// whose answers go back. Linux: hv_util.c over channel.c. Loop thread.
class ServiceChannel {
public:
    /// Pages of one ring, control page included. Linux: HV_UTIL_RING_SEND_SIZE.
    static constexpr uint64_t kRingPages = 4;
    /// Pages of both rings: guest to host, then host to guest.
    static constexpr uint64_t kPages = 2 * kRingPages;

    using Signal = std::function<void()>;

    /// Lays empty rings into the `kPages` pages from `first_page` on. `service` must outlive the
    /// channel; `signal` tells the host (HvSignalEvent).
    static Result<ServiceChannel> create(const vm::GuestMemory& memory, uint64_t first_page,
                                         ic::GuestService& service, Signal signal);

    /// The host has interrupted for this channel. Fails with kProtocol when the host broke a ring;
    /// packets that the service rejects are counted only.
    Result<void> interrupted(const Clocks& clocks);

    [[nodiscard]] uint64_t rejected_packets() const { return rejected_; }

private:
    struct Reply {
        uint64_t transaction_id;
        Bytes packet;
    };

    ServiceChannel(vmbus::RingReader reader, vmbus::RingWriter writer, ic::GuestService& service,
                   Signal signal);
    Result<void> drain(const Clocks& clocks);
    /// False if the ring has no room for the reply that waits.
    Result<bool> send_reply();

    vmbus::RingReader reader_;
    vmbus::RingWriter writer_;
    ic::GuestService* service_;
    Signal signal_;
    Bytes buffer_;
    std::optional<Reply> reply_;
    uint64_t rejected_ = 0;
};

}  // namespace hvis::loopback

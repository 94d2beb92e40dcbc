#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "vm/guest_memory.h"

namespace hvis::vm {

/// One synthetic interrupt source of one virtual processor.
struct SynicTarget {
    uint32_t vp = 0;
    uint8_t sint = 0;
    auto operator<=>(const SynicTarget&) const = default;
};

/// A message for a guest's SynIC slot; payload is at most wire::kMaxMessagePayload bytes.
struct SynicMessage {
    uint32_t type = 0;
    Bytes payload;
};

enum class PostResult : uint8_t {
    kPosted,
    kSlotBusy,  ///< message_slot_freed() will be called for this target
    kDisabled,  ///< the guest has not set up its message page: nothing was delivered
};

/// The guest's own report of a crash (TLFS "Guest crash MSRs"): five parameters, and the panic text
/// where the guest gave one. The text is guest-controlled: escape it before it is shown.
struct CrashReport {
    std::array<uint64_t, 5> parameters{};
    std::string text;
};

/// Why a partition stopped running.
enum class StopReason : uint8_t {
    kPowerOff,     ///< the guest switched itself off
    kReset,        ///< the guest asked for a reset
    kTripleFault,  ///< a processor could not go on
    kFailure,      ///< the host could not go on; the log says why
};

/// What a partition tells its owner; every call is on the loop thread.
class PartitionClient {
public:
    virtual ~PartitionClient() = default;
    /// HvPostMessage by the guest. The bytes are a private copy. `connection_id` is one of those
    /// that were registered with accept_messages. False: not now; the partition keeps the message
    /// at the head of its queue and offers it again when Partition::retry_messages() is called, so
    /// that the guest comes to see HV_STATUS_INSUFFICIENT_BUFFERS.
    virtual bool message_posted(uint32_t connection_id, uint32_t type, ByteView payload) = 0;
    /// A slot that answered kSlotBusy was emptied by the guest.
    virtual void message_slot_freed(SynicTarget target) = 0;
    virtual void guest_crashed(const CrashReport& report) = 0;
    /// The virtual processors have stopped; the partition can be reset or destroyed.
    virtual void partition_stopped(StopReason reason) = 0;
};

/// A child partition: memory, processors and the hypervisor's inter-partition calls. Two kinds:
/// kvm (a virtual machine) and loopback (an ordinary process that speaks the same bytes).
///
/// Everything on the loop thread unless a method says otherwise.
class Partition {
public:
    /// Messages from the guest that wait for the loop; past it HvPostMessage answers
    /// HV_STATUS_INSUFFICIENT_BUFFERS, which Linux retries with back-off.
    static constexpr size_t kMaxQueuedMessages = 64;

    virtual ~Partition() = default;
    Partition() = default;
    Partition(const Partition&) = delete;
    Partition& operator=(const Partition&) = delete;

    [[nodiscard]] virtual GuestMemory& memory() = 0;
    [[nodiscard]] virtual uint32_t processor_count() const = 0;
    /// The guest's partition reference counter now, 100 ns units (HV_X64_MSR_TIME_REF_COUNT).
    [[nodiscard]] virtual uint64_t reference_time() const = 0;

    /// HvPostMessage on this connection id reaches message_posted; on any other id the guest gets
    /// HV_STATUS_INVALID_CONNECTION_ID. Call before start().
    virtual void accept_messages(uint32_t connection_id) = 0;
    /// The client can take messages again after message_posted said no.
    virtual void retry_messages() = 0;
    /// Puts a message into the target's slot and raises its interrupt.
    virtual Result<PostResult> post_message(SynicTarget target, const SynicMessage& message) = 0;
    /// Sets an event flag and raises the interrupt if it was clear. Any thread.
    virtual void signal_event(SynicTarget target, uint16_t flag) = 0;
    /// The same, and raises the interrupt though the flag was set: for a guest that may have missed
    /// the first, because it had masked the interrupt source. Any thread.
    virtual void signal_event_again(SynicTarget target, uint16_t flag) = 0;
    /// From now on HvSignalEvent on `connection_id` adds 1 to `event_fd`, which the caller keeps
    /// open until disconnect_port returned.
    virtual Result<void> connect_port(uint32_t connection_id, int event_fd) = 0;
    virtual void disconnect_port(uint32_t connection_id) = 0;

    virtual Result<void> start() = 0;
    /// Returns when no virtual processor runs; idempotent.
    virtual void pause() = 0;
    virtual void resume() = 0;
    /// Back to the state before the first start(), RAM reloaded; then start() again.
    virtual Result<void> reset() = 0;
};

}  // namespace hvis::vm

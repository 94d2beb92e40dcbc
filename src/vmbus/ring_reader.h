#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "base/bytes.h"
#include "base/result.h"
#include "vmbus/ring_memory.h"

namespace hvis::vmbus {

/// One packet, copied out of the ring. The views end with the next read into the same buffer.
struct Packet {
    uint16_t type = 0;  ///< wire::kPacketInBand, …; unknown ones are the caller's to drop
    uint16_t flags = 0;
    uint64_t transaction_id = 0;
    ByteView extended_header;  ///< between descriptor and payload (wire::parse_gpa_direct)
    ByteView payload;          ///< up to 7 bytes of padding included

    [[nodiscard]] bool wants_completion() const {
        return (flags & wire::kPacketCompletionRequested) != 0;
    }
};

/// Reading end of a ring, for either half. Trusts nothing in it: its own index is private, the
/// writer's is read once per batch and checked, each packet is copied once and then looked at.
///
/// One thread at a time, and always in this order, or a packet that arrives between the last read
/// and commit() goes unnoticed: its writer saw a reader that was still busy, and did not signal.
///
///     reader.mask_signals();
///     do {
///         // read() until there is nothing
///         // commit(), and signal the writer if it says so
///     } while (reader.unmask_signals());
///
/// unmask_signals() alone, without a mask before, does as well. A reader that stops early, with
/// packets left, comes back by itself.
class RingReader {
public:
    /// Starts where the control page says; fails with kProtocol if that is not a place in the ring.
    static Result<RingReader> attach(RingMemory memory);

    /// The next packet, or nothing if there is none. `buffer` is grown when it must be and never
    /// shrunk. A ring that breaks the rules fails with kProtocol, from then on always: there is no
    /// way to find the next packet in it.
    Result<std::optional<Packet>> read(Bytes& buffer);

    /// Gives the room of what was read back to the writer. True: it waits for room, signal it.
    /// Linux: hv_pkt_iter_close.
    [[nodiscard]] bool commit();

    /// Asks the writer not to signal while we read. Linux: hv_begin_read.
    void mask_signals();
    /// Takes that back. True if packets came in between: read again. Linux: hv_end_read.
    [[nodiscard]] bool unmask_signals();

    /// It has broken the rules, and carries nothing any more.
    [[nodiscard]] bool is_broken() const { return broken_; }
    /// Bytes that wait, packets and footers, read anew from the ring; 0 if it is broken.
    [[nodiscard]] uint32_t available();

private:
    explicit RingReader(RingMemory memory, uint32_t index)
        : memory_(std::move(memory)), next_(index), committed_(index), writer_(index) {}

    Result<void> load_writer_index();
    [[nodiscard]] uint32_t distance(uint32_t from, uint32_t to) const;

    RingMemory memory_;
    uint32_t next_;       ///< our index, ahead of what the writer was told
    uint32_t committed_;  ///< our index, as the writer was told
    uint32_t writer_;     ///< the writer's, when last looked at; valid
    bool broken_ = false;
};

}  // namespace hvis::vmbus

#pragma once

#include <cstdint>
#include <utility>

#include "base/bytes.h"
#include "base/result.h"
#include "vmbus/ring_memory.h"

namespace hvis::vmbus {

/// A packet to write. The extended header's size is a multiple of 8.
struct PacketToWrite {
    uint16_t type = wire::kPacketInBand;
    uint16_t flags = 0;
    uint64_t transaction_id = 0;
    // NOLINTBEGIN(readability-redundant-member-init): without, GCC wants both named in each packet
    ByteView extended_header{};
    ByteView payload{};
    // NOLINTEND(readability-redundant-member-init)
};

enum class WriteResult : uint8_t {
    kWritten,
    kFull,  ///< commit() now; the reader signals once there is room for this packet
};

/// Writing end of a ring, for either half. Its own index is private, the reader's is read and
/// checked.
///
/// Write packets, then commit() once. One thread at a time.
class RingWriter {
public:
    /// Starts where the control page says, and tells the reader that we keep the pending send size.
    /// Fails with kProtocol if that is not a place in the ring.
    static Result<RingWriter> attach(RingMemory memory);

    /// Puts a packet behind the last one; the reader does not see it before commit(). Fails with
    /// kLimit if it can never fit, kInvalid on a misaligned extended header, kProtocol if the
    /// reader wrote nonsense; from then on always.
    Result<WriteResult> write(const PacketToWrite& packet);

    /// Shows the reader what was written. True: it was waiting, signal it. Linux:
    /// hv_signal_on_write.
    [[nodiscard]] bool commit();

    /// Bytes that a packet takes, padding and footer included.
    static uint32_t space_for(size_t extended_header_size, size_t payload_size);
    /// The reader has broken the rules; nothing can be written any more.
    [[nodiscard]] bool is_broken() const { return broken_; }
    /// True if a packet of this many bytes (space_for) fits now; if not, the reader signals once it
    /// does. Then commit() before waiting: the reader may have been shown what was written.
    Result<bool> has_room(uint32_t bytes);

private:
    RingWriter(RingMemory memory, uint32_t index, uint32_t reader)
        : memory_(std::move(memory)), next_(index), committed_(index), reader_(reader) {}

    void put(const PacketToWrite& packet, const wire::PacketDescriptor& descriptor);
    Result<void> load_reader_index();
    /// Moves the shared index up to ours, and notes whether that calls for a signal.
    void publish();
    [[nodiscard]] uint32_t room() const;

    RingMemory memory_;
    uint32_t next_;            ///< our index, ahead of what the reader was told
    uint32_t committed_;       ///< our index, as the reader was told
    uint32_t reader_;          ///< the reader's, when last looked at; valid
    bool signal_due_ = false;  ///< for the next commit()
    bool waiting_ = false;     ///< the pending send size is set
    bool broken_ = false;
};

}  // namespace hvis::vmbus

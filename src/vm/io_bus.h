#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "vm/guest_memory.h"

namespace hvis::vm {

/// A device's registers as a processor sees them. Called on vCPU threads, several at once: an
/// implementation locks for itself. `offset` is inside the range that was attached; 1, 2, 4 or 8
/// bytes; every value is the guest's.
class IoHandler {
public:
    virtual ~IoHandler() = default;
    IoHandler() = default;
    IoHandler(const IoHandler&) = delete;
    IoHandler& operator=(const IoHandler&) = delete;

    /// Fills all of `data`, little-endian.
    virtual void read(uint64_t offset, MutableByteView data) = 0;
    virtual void write(uint64_t offset, ByteView data) = 0;
    /// The machine was reset. Loop thread, while no processor runs.
    virtual void reset() = 0;
};

/// Sends port and memory-mapped accesses to the devices they belong to. What belongs to none reads
/// as all ones, swallows writes, and is counted.
///
/// Attach everything before the processors start; from then on the tables never change and any
/// thread may dispatch.
class IoBus {
public:
    static constexpr size_t kMaxRanges = 64;

    /// The handler must outlive the bus's last dispatch. Fails if the range overlaps another.
    Result<void> attach_ports(uint16_t first, uint16_t count, IoHandler& handler);
    Result<void> attach_memory(GuestAddress first, uint64_t size, IoHandler& handler);

    void read_port(uint16_t port, MutableByteView data);
    void write_port(uint16_t port, ByteView data);
    void read_memory(GuestAddress address, MutableByteView data);
    void write_memory(GuestAddress address, ByteView data);

    /// Resets each handler once, in the order of attachment.
    void reset();

    /// Accesses that no device answered since the bus was made.
    [[nodiscard]] uint64_t unclaimed() const { return unclaimed_.load(std::memory_order_relaxed); }

private:
    struct Range {
        uint64_t first;
        uint64_t size;
        IoHandler* handler;
    };
    using Ranges = std::vector<Range>;  // ascending, disjoint
    static Result<void> attach(Ranges& ranges, Range range);
    void read(const Ranges& ranges, uint64_t address, MutableByteView data);
    void write(const Ranges& ranges, uint64_t address, ByteView data);

    Ranges ports_;
    Ranges memory_;
    std::vector<IoHandler*> handlers_;
    std::atomic<uint64_t> unclaimed_{0};
};

}  // namespace hvis::vm

#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/result.h"
#include "vm/guest_memory.h"
#include "vm/partition.h"

namespace hvis::loopback {

/// The guest's side of one processor's message and event flag pages; vm::Synic is the host's.
/// Linux: vmbus_on_msg_dpc and vmbus_chan_sched. Loop thread.
class SynicPages {
public:
    /// Both pages are RAM of `memory`, which must outlive this object.
    static Result<SynicPages> create(const vm::GuestMemory& memory, uint64_t message_page_number,
                                     uint64_t event_page_number);

    struct Taken {
        vm::SynicMessage message;
        bool end_of_message_due = false;  ///< the host waits to fill the slot: write EOM
    };
    /// Empties a message slot.
    std::optional<Taken> take_message(uint8_t sint);

    /// Clears a source's event flags and returns those that were set, ascending.
    std::vector<uint16_t> take_events(uint8_t sint);

private:
    SynicPages(std::byte* messages, std::byte* events) : messages_(messages), events_(events) {}

    std::byte* messages_;
    std::byte* events_;
};

}  // namespace hvis::loopback

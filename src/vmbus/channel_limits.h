#pragma once

#include <cstddef>
#include <cstdint>

#include "wire/gpa_ranges.h"
#include "wire/vmbus_messages.h"

namespace hvis::vmbus {

/// Offers that a server holds, those that wait for the guest's release included; one relid each.
inline constexpr size_t kMaxOffers = wire::kLastRelid;

/// GPADLs of one connection, unfinished ones included. A channel needs one, a network device three.
inline constexpr size_t kMaxGpadls = 4096;
/// GPADLs of one connection whose bodies are still on the way. Linux creates one per opening
/// channel.
inline constexpr size_t kMaxGpadlsInProgress = 256;
/// 8-byte words of all GPADLs of one connection, counted when they are announced: 4 GiB of guest
/// memory.
inline constexpr size_t kMaxGpadlWords = size_t{1} << 20U;
/// What their ranges and page numbers take of ours at worst: ranges of one page each are two words,
/// and become a wire::GpaRange and a page number. A GPADL that has just been completed is there
/// twice for a moment, 64 KiB at most.
inline constexpr size_t kMaxGpadlBytes =
    kMaxGpadlWords / 2 * (sizeof(wire::GpaRange) + sizeof(uint64_t));

/// Messages for the guest that may wait before its own messages are turned away
/// (HV_STATUS_INSUFFICIENT_BUFFERS). Each of them causes at most one answer, all offers excepted.
inline constexpr size_t kMaxWaitingMessages = 64;
/// Messages that can wait at worst: the above; per channel one offer, one open result and one
/// rescind; one torndown per GPADL of a channel that closes late; the end of the offers.
inline constexpr size_t kMaxQueuedMessages =
    kMaxWaitingMessages + (3 * kMaxOffers) + kMaxGpadls + 1;

}  // namespace hvis::vmbus

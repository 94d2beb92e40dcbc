#pragma once

#include <cstddef>
#include <cstdint>

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
/// memory, 8 MiB of ours.
inline constexpr size_t kMaxGpadlWords = size_t{1} << 20U;

/// Messages for the guest that may wait before its own messages are turned away
/// (HV_STATUS_INSUFFICIENT_BUFFERS). Each of them causes at most one answer, all offers excepted.
inline constexpr size_t kMaxWaitingMessages = 64;
/// Messages that can wait at worst: the above; per channel one offer, one open result and one
/// rescind; one torndown per GPADL of a channel that closes late; the end of the offers.
inline constexpr size_t kMaxQueuedMessages =
    kMaxWaitingMessages + (3 * kMaxOffers) + kMaxGpadls + 1;

}  // namespace hvis::vmbus

#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "base/result.h"

namespace hvis::wire {

/// Linux: struct heartbeat_msg_data; the same in versions 1.0 and 3.0.
inline constexpr size_t kHeartbeatBodySize = 40;

/// How the applications in the guest say they are. Linux leaves it as the host sent it (unknown).
enum class ApplicationState : uint32_t { kUnknown = 0, kHealthy = 1, kCritical = 2, kStopped = 3 };

/// One beat, both directions: the guest answers with the sequence number plus one.
struct Heartbeat {
    uint64_t sequence = 0;
    uint32_t application_state = 0;  ///< an ApplicationState, or a number that we do not know
    bool operator==(const Heartbeat&) const = default;
};

Bytes format_heartbeat(const Heartbeat& heartbeat);
/// Reserved words may be missing: OpenVMM's structure has only one of them.
Result<Heartbeat> parse_heartbeat(ByteView body);

}  // namespace hvis::wire

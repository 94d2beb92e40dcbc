#pragma once

#include <chrono>
#include <string>

#include "harness/guest.h"

namespace hvis::guests {

/// How far a clock of the guest is ahead of the host's. The answer takes its time to arrive, so
/// there are two bounds; the truth is between them.
struct ClockOffset {
    std::chrono::duration<double> lowest;
    std::chrono::duration<double> highest;

    /// Possibly within `tolerance` of `expected`.
    [[nodiscard]] bool may_be(std::chrono::duration<double> expected,
                              std::chrono::duration<double> tolerance) const {
        return lowest <= expected + tolerance && highest >= expected - tolerance;
    }
};

/// Compares the clock that `command` prints in nanoseconds since 1970 with the host's.
ClockOffset clock_offset(Guest& guest, const std::string& command = "probe time");

/// Moves the guest's clock by so much.
void shift_clock(Guest& guest, std::chrono::seconds by);

/// For failure messages.
std::ostream& operator<<(std::ostream& stream, const ClockOffset& offset);

}  // namespace hvis::guests

#pragma once

#include <optional>

#include "base/result.h"
#include "base/time.h"
#include "control/failure.h"

namespace hvis::cli {

/// How long to go on waiting for something: until `deadline`, or until somebody presses Ctrl+C.
struct Patience {
    std::optional<TimePoint> deadline;  ///< none: for ever
    int interrupt = -1;                 ///< becomes readable at Ctrl+C; -1: nobody can
};

/// `Failure::outcome` of what Ctrl+C ended.
inline constexpr const char* kInterrupted = "interrupted";
/// `Failure::outcome` where the other side closed the connection, or never took it.
inline constexpr const char* kDisconnected = "disconnected";

/// Waits for `events` (poll(2)) on `fd`. Fails when time is up (kTimedOut, "hvisd did not answer in
/// time") or at an interrupt.
Result<void, control::Failure> wait_for(int fd, short events, const Patience& patience);

/// The failure of an interrupted wait.
control::Failure interrupted();

}  // namespace hvis::cli

#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace hvis::worker {

enum class MachineState : uint8_t { kStarting, kRunning, kPaused, kStopping, kStopped, kCrashed };
/// "starting", …: the status model's words.
std::string_view to_string(MachineState state);

/// What a machine is doing, by what is done to it and what it reports. No I/O; loop thread.
class MachineLife {
public:
    [[nodiscard]] MachineState state() const;
    [[nodiscard]] bool is_paused() const { return paused_; }

    /// It was started, or started again.
    void started();
    /// Fails with kState, changing nothing, unless the machine runs. A crashed guest runs too: it
    /// may be writing a dump.
    Result<void> pause();
    /// Fails with kState unless it is paused; nothing to do if it runs.
    Result<void> resume();
    /// The guest reported a crash, perhaps just before it was paused: paused it stays.
    void crashed();
    /// The guest that crashed runs again: a crash kernel has taken over.
    void recovered();
    void stopping();
    /// All processors have stopped. A guest that crashed before is crashed for good.
    void stopped();
    /// It has stopped, and will be started again in a moment.
    void resting();
    /// The machine is over; `broken` if it crashed or failed.
    void ended(bool broken);

private:
    MachineState state_ = MachineState::kStarting;  ///< never kPaused
    bool paused_ = false;
};

}  // namespace hvis::worker

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace hvis::worker {

/// How a worker ended, and why.
struct Ending {
    enum class State : uint8_t {
        kStopped,  ///< the machine was switched off, by its guest or on request
        kCrashed,  ///< the guest broke down
        kFailed,   ///< the worker could not start or go on
    };
    State state = State::kFailed;
    std::string reason;  ///< one sentence without a full stop

    int exit_status = 1;  ///< of the process; those of a machine that ran are in stop_policy.h
};

/// "stopped", "crashed", "failed".
constexpr std::string_view to_string(Ending::State state) {
    switch (state) {
        case Ending::State::kStopped:
            return "stopped";
        case Ending::State::kCrashed:
            return "crashed";
        case Ending::State::kFailed:
            return "failed";
    }
    return "?";
}

}  // namespace hvis::worker

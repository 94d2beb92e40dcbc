#include "worker/machine_state.h"

namespace hvis::worker {

std::string_view to_string(MachineState state) {
    switch (state) {
        case MachineState::kStarting:
            return "starting";
        case MachineState::kRunning:
            return "running";
        case MachineState::kPaused:
            return "paused";
        case MachineState::kStopping:
            return "stopping";
        case MachineState::kStopped:
            return "stopped";
        case MachineState::kCrashed:
            return "crashed";
    }
    return "?";
}

MachineState MachineLife::state() const { return paused_ ? MachineState::kPaused : state_; }

void MachineLife::started() {
    state_ = MachineState::kRunning;
    paused_ = false;
}

Result<void> MachineLife::pause() {
    if (state_ != MachineState::kRunning && state_ != MachineState::kCrashed) {
        return fail(Errc::kState, "only a running machine can be paused");
    }
    paused_ = true;
    return {};
}

Result<void> MachineLife::resume() {
    if (!paused_ && state_ != MachineState::kRunning) {
        return fail(Errc::kState, "only a paused machine can be resumed");
    }
    paused_ = false;
    return {};
}

void MachineLife::crashed() { state_ = MachineState::kCrashed; }

void MachineLife::recovered() {
    if (state_ == MachineState::kCrashed) {
        state_ = MachineState::kRunning;
    }
}

void MachineLife::stopping() {
    state_ = MachineState::kStopping;
    paused_ = false;
}

void MachineLife::stopped() {
    if (state_ != MachineState::kCrashed) {
        state_ = MachineState::kStopped;
    }
    paused_ = false;
}

void MachineLife::resting() {
    state_ = MachineState::kStarting;
    paused_ = false;
}

void MachineLife::ended(bool broken) {
    state_ = broken ? MachineState::kCrashed : MachineState::kStopped;
    paused_ = false;
}

}  // namespace hvis::worker

#include <utility>

#include <nlohmann/json.hpp>

#include "base/log.h"
#include "manager/supervisor/managed_vm.h"

namespace hvis::manager {

using control::ErrorCode;

void ManagedVm::power_off(Done done) {
    if (const auto saved = change_wish(false, 0); !saved) {
        tell_unsaved(saved.error());
    }
    if (phase_ == Phase::kWaiting) {
        context_.loop.cancel_timer(std::exchange(timer_, 0));
        explanation_.clear();
        rest();
    }
    if (phase_ == Phase::kStopped) {
        done({});
        return;
    }
    stops_.push_back(std::move(done));
    stop_asked_ = true;
    cut_asked_ = true;
    if (cut_timer_ == 0) {
        cut_timer_ = context_.loop.add_timer(loop::Loop::now() + timings().cut, [this] {
            cut_timer_ = 0;
            could_not_cut();
        });
    }
    changed();
    if (control::Link* link = live_link(); link != nullptr && !unreachable_) {
        link->request(control::encode_command(control::MachineCommand{
                          .action = control::MachineCommand::Action::kPowerOff}),
                      loop::Loop::now() + timings().power_off, [this](const auto& reply) {
                          if (!reply && reply.error().outcome != control::Link::kLinkLost) {
                              kill_worker();
                          }
                      });
    } else {
        kill_worker();
    }
}

/// Only the log is sure to have room for it.
void ManagedVm::tell_unsaved(const Failure& failure) const {
    log(LogLevel::kError, "manager",
        definition_.name +
            ": whether it is to run cannot be kept for the next hvisd: " + failure.message);
}

void ManagedVm::kill_worker() {
    if (phase_ == Phase::kLaunching || phase_ == Phase::kEnding) {
        return;  // launched() comes back to this, or there is nobody left
    }
    if (!process_) {
        hold_peer();
    }
    if (process_ && own_process_) {
        context_.launcher.kill(order(), &*process_);
    } else if (phase_ == Phase::kRunning) {
        could_not_cut();
    } else if (known_to_live_) {
        context_.launcher.kill(order(), nullptr);
    }
    // Without a process the next connection may tell which it is, until cut_timer_ ends the wait.
}

void ManagedVm::hold_peer() {
    const pid_t peer = session_ != nullptr ? session_->link().peer() : 0;
    auto process = WorkerProcess::running_on(peer, files_.config);
    if (process) {
        process_ = *std::move(process);
        own_process_ = true;
        watch_process();
    }
}

void ManagedVm::could_not_cut() {
    Failure failure = control::make_failure(
        ErrorCode::kFailed, "the worker does not answer, and its process is not known",
        "find it with 'fuser " + files_.lock + "' and end it");
    if (phase_ == Phase::kLaunching) {
        failure = control::make_failure(ErrorCode::kTimedOut, "the worker is still being started",
                                        "it is ended as soon as it runs");
    } else if (phase_ == Phase::kEnding) {
        failure = control::make_failure(ErrorCode::kTimedOut,
                                        "the worker is gone, but its last events cannot be kept",
                                        "make room for hvisd's database");
    } else if (process_ && own_process_) {
        failure = control::make_failure(
            ErrorCode::kTimedOut,
            "the worker's process " + std::to_string(process_->pid()) + " has not ended in time",
            "look at what it waits for, and try again");
    }
    if (phase_ != Phase::kLaunching && phase_ != Phase::kEnding) {
        stop_asked_ = false;
        cut_asked_ = false;
    }
    changed();
    answer_stops(std::unexpected(failure));
}

void ManagedVm::settle_doubt() {
    const auto wish = std::exchange(shutdown_in_doubt_, std::nullopt);
    if (!wish || cut_asked_) {
        return;
    }
    stop_asked_ = false;
    if (const auto saved = change_wish(*wish, attempts_); !saved) {
        tell_unsaved(saved.error());
    }
    answer_stops(std::unexpected(control::make_failure(
        ErrorCode::kFailed,
        "the connection to the worker was lost before it answered: the guest may not have been "
        "asked",
        "look at 'hvis status " + definition_.name + "', and ask again")));
}

uint64_t ManagedVm::shut_down(const control::ShutdownCommand& command, Done done) {
    const bool stays_down = command.action != control::ShutdownCommand::Action::kRestart;
    // Where no guest can run yet there is none to be asked.
    const bool has_begun = phase_ != Phase::kWaiting && phase_ != Phase::kLaunching &&
                           !(phase_ == Phase::kConnecting && process_ && !reached_ && !adopting_);
    if (!has_begun && stays_down) {
        power_off(std::move(done));
        return 0;
    }
    const bool was_wanted = wanted_;
    if (stays_down && live_link() != nullptr) {
        if (const auto saved = change_wish(false, attempts_); !saved) {
            tell_unsaved(saved.error());
        }
    }
    auto answered = [this, stays_down, was_wanted, done](auto reply) {
        // When the worker ends before its reply is read, the machine has stopped all the same.
        const bool gone = !reply && reply.error().outcome == control::Link::kLinkLost;
        if ((reply || gone) && stays_down) {
            if (!reply && !stop_asked_) {
                shutdown_in_doubt_ = was_wanted;
            }
            stop_asked_ = true;
            changed();
            stops_.push_back(done);
            return;
        }
        if (reply) {
            done({});
            return;
        }
        if (stays_down && !cut_asked_) {
            (void)change_wish(was_wanted, attempts_);
        }
        done(std::unexpected(reply.error()));
    };
    auto passed = pass(control::encode_command(command), std::move(answered));
    if (!passed) {
        done(std::unexpected(passed.error()));
        return 0;
    }
    return *passed;
}

}  // namespace hvis::manager

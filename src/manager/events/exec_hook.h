#pragma once

#include <memory>
#include <string>
#include <vector>

#include <sys/types.h>

#include "base/unique_fd.h"
#include "loop/loop.h"
#include "manager/events/hook.h"

namespace hvis::manager {

/// Runs a program for an event: the event as JSON on its standard input, the HVIS_* variables of
/// docs/hvisd.md in an environment that is otherwise empty but for PATH and LANG. What it prints
/// goes to the log. One at a time for each hook; one that takes too long is killed with all that it
/// has started in its process group. Manager thread.
class ExecHook : public Deliverer {
public:
    /// More of what the program prints is not logged.
    static constexpr size_t kMaxOutputBytes = 16'384;
    /// EX_TEMPFAIL of sysexits.h: the program asks to be run again later.
    static constexpr int kTryAgainStatus = 75;

    /// `loop` must outlive it.
    ExecHook(ExecHookConfig config, loop::Loop& loop);
    ~ExecHook() override;

    void deliver(const StoredEvent& event, std::function<void(Attempt)> done) override;

private:
    /// What there is only while the program runs.
    struct Running {
        pid_t pid = -1;
        UniqueFd process;  ///< pidfd
        UniqueFd output;   ///< reading end of its stdout and stderr
        std::string printed;
        bool output_cut = false;
        bool timed_out = false;
        loop::Loop::TimerId timer = 0;
        TimePoint begin;
        std::function<void(Attempt)> done;
    };
    Result<void> launch(const StoredEvent& event);
    void later(Attempt attempt, std::function<void(Attempt)> done);
    void read_output();
    void ended();
    void stop_watching();

    ExecHookConfig config_;
    loop::Loop& loop_;
    std::unique_ptr<Running> running_;
    loop::Loop::TimerId later_timer_ = 0;
};

/// "HVIS_EVENT=heartbeat_lost", …: the environment of the program.
std::vector<std::string> hook_environment(const StoredEvent& event);

}  // namespace hvis::manager

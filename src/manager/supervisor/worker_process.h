#pragma once

#include <optional>
#include <string>

#include <sys/types.h>

#include "base/result.h"
#include "base/unique_fd.h"

namespace hvis::manager {

/// The status with which hvis-vm refuses its configuration; docs/hvis-vm.1.scd.
inline constexpr int kWorkerRefused = 2;

/// How a process ended, as far as its parent, or whoever else asks, can know.
struct WorkerExit {
    std::optional<int> status;
    std::optional<int> signal;
    /// "exit status 1", "killed by signal 9 (Killed)", or empty.
    [[nodiscard]] std::string text() const;
};

/// A worker's process, held by a pidfd: the number alone might be another process by now.
class WorkerProcess {
public:
    /// A child of ours; exit() reaps it.
    static Result<WorkerProcess> child(pid_t pid);
    /// A process that somebody else started.
    static Result<WorkerProcess> other(pid_t pid);
    /// The same if it was started with `config` as an argument. kNotFound otherwise: the number is
    /// another's by now, or it is a program that runs more than this VM.
    static Result<WorkerProcess> running_on(pid_t pid, const std::string& config);

    /// Becomes readable when the process has ended.
    [[nodiscard]] int fd() const { return pidfd_.get(); }
    [[nodiscard]] pid_t pid() const { return pid_; }
    [[nodiscard]] bool ended() const;
    /// After it has ended: leaves no zombie. Knows nothing of a process that is not ours.
    [[nodiscard]] WorkerExit exit() const;
    void kill(int signal) const;

private:
    WorkerProcess(UniqueFd pidfd, pid_t pid, bool ours)
        : pidfd_(std::move(pidfd)), pid_(pid), ours_(ours) {}
    static Result<WorkerProcess> open(pid_t pid, bool ours);

    UniqueFd pidfd_;
    pid_t pid_ = 0;
    bool ours_ = false;
};

}  // namespace hvis::manager

#include "manager/supervisor/worker_process.h"

#include <csignal>
#include <cstring>

#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace hvis::manager {

std::string WorkerExit::text() const {
    if (signal) {
        return "killed by signal " + std::to_string(*signal) + " (" + ::strsignal(*signal) + ")";
    }
    return status ? "exit status " + std::to_string(*status) : std::string();
}

Result<WorkerProcess> WorkerProcess::open(pid_t pid, bool ours) {
    // glibc 2.36 declares its wrappers without extern "C".
    UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    if (!pidfd) {
        return fail_errno("pidfd_open");
    }
    return WorkerProcess(std::move(pidfd), pid, ours);
}

Result<WorkerProcess> WorkerProcess::child(pid_t pid) { return open(pid, true); }
Result<WorkerProcess> WorkerProcess::other(pid_t pid) { return open(pid, false); }

bool WorkerProcess::ended() const {
    pollfd wanted{.fd = pidfd_.get(), .events = POLLIN, .revents = 0};
    return ::poll(&wanted, 1, 0) > 0;
}

WorkerExit WorkerProcess::exit() const {
    siginfo_t info{};
    const auto id = static_cast<id_t>(pidfd_.get());
    if (!ours_ || ::waitid(P_PIDFD, id, &info, WEXITED | WNOHANG) != 0 || info.si_pid == 0) {
        return {};
    }
    if (info.si_code == CLD_EXITED) {
        return {.status = info.si_status, .signal = {}};
    }
    return {.status = {}, .signal = info.si_status};
}

void WorkerProcess::kill(int signal) const {
    // The only failure is a process that has ended already.
    (void)::syscall(SYS_pidfd_send_signal, pidfd_.get(), signal, nullptr, 0);
}

}  // namespace hvis::manager

#include "manager/supervisor/worker_process.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>
#include <string_view>

#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace hvis::manager {
namespace {

/// Bytes of a command line that are looked at: a worker's is its program and one path.
constexpr size_t kMaxCommandLine = 8192;

bool has_argument(pid_t pid, std::string_view wanted) {
    const std::string path = "/proc/" + std::to_string(pid) + "/cmdline";
    const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    std::array<char, kMaxCommandLine> bytes;
    const ssize_t count = file ? ::read(file.get(), bytes.data(), bytes.size()) : -1;
    std::string_view rest(bytes.data(), count < 0 ? 0 : static_cast<size_t>(count));
    while (!rest.empty()) {
        const std::string_view word = rest.substr(0, rest.find('\0'));
        if (word == wanted) {
            return true;
        }
        rest.remove_prefix(std::min(word.size() + 1, rest.size()));
    }
    return false;
}

}  // namespace

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

Result<WorkerProcess> WorkerProcess::running_on(pid_t pid, const std::string& config) {
    if (pid <= 0) {
        return fail(Errc::kNotFound, "no process");
    }
    // Held first: what is read then is of the process that is held, if it lives afterwards.
    auto process = HVIS_TRY(other(pid));
    if (!has_argument(pid, config) || process.ended()) {
        return fail(Errc::kNotFound, "not the worker of this VM");
    }
    return process;
}

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

#include "worker/guest_process.h"

#include <array>
#include <climits>
#include <csignal>
#include <cstdlib>
#include <utility>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace hvis::worker {
namespace {

constexpr const char* kProgram = "hvis-loopback-guest";
/// The guests' end of the power line in the new process.
constexpr int kLineFd = 3;

/// The new process, up to its program. Only calls that are safe after a fork.
[[noreturn]] void become_guests(const char* program, int line, pid_t parent) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) {
        ::_exit(1);  // It was gone before it could be asked to tell.
    }
    ::setpgid(0, 0);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    if (line == kLineFd) {
        ::fcntl(line, F_SETFD, 0);
    } else if (::dup2(line, kLineFd) != kLineFd) {
        ::_exit(1);
    }
    ::execl(program, kProgram, "--serve-fd", "3", nullptr);
    ::_exit(127);
}

}  // namespace

Result<std::string> find_guest_program() {
    std::array<char, PATH_MAX> self{};
    const ssize_t length = ::readlink("/proc/self/exe", self.data(), self.size());
    if (length <= 0) {
        return fail_errno("readlink /proc/self/exe");
    }
    const std::string path(self.data(), static_cast<size_t>(length));
    const std::string folder = path.substr(0, path.rfind('/') + 1);
    for (const std::string& candidate :
         {folder + kProgram, folder + "../libexec/hvis/" + kProgram}) {
        if (::access(candidate.c_str(), X_OK) == 0) {
            return candidate;
        }
    }
    return fail(Errc::kNotFound,
                "hvis-loopback-guest is neither beside hvis-vm nor in ../libexec/hvis");
}

Result<loopback::PowerLine> start_guest_program(const std::string& program) {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
        return fail_errno("socketpair");
    }
    UniqueFd ours(ends[0]);
    const UniqueFd guests(ends[1]);
    const pid_t parent = ::getpid();
    const pid_t child = ::fork();
    if (child < 0) {
        return fail_errno("fork");
    }
    if (child == 0) {
        become_guests(program.c_str(), guests.get(), parent);
    }
    return loopback::PowerLine(std::move(ours));
}

}  // namespace hvis::worker

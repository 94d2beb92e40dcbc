#include "manager/supervisor/child_launcher.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <spawn.h>
#include <sys/file.h>
#include <unistd.h>

#include "manager/supervisor/worker_program.h"

namespace hvis::manager {
namespace {

using control::ErrorCode;

/// Where the worker holds its lock.
constexpr int kLockFd = 3;
/// What systemd told us alone.
constexpr auto kOurOwnVariables = std::to_array<std::string_view>(
    {"NOTIFY_SOCKET=", "LISTEN_FDS=", "LISTEN_PID=", "LISTEN_FDNAMES=", "WATCHDOG_USEC=",
     "WATCHDOG_PID=", "INVOCATION_ID=", "JOURNAL_STREAM="});

std::unexpected<Failure> failed(const std::string& what, int error, std::string hint = {}) {
    return std::unexpected(control::make_failure(
        ErrorCode::kFailed, what + ": " + std::generic_category().message(error), std::move(hint)));
}

std::unexpected<Failure> no_lock(const std::string& path, int error) {
    return failed(path, error,
                  error == ENOSPC
                      ? "free some space there"
                      : "hvisd's user must be able to write there: docs/hvisd.md, Files");
}

/// The lock, free; an empty descriptor where a worker holds it.
Result<UniqueFd, Failure> take_lock(const std::string& path) {
    UniqueFd lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!lock) {
        return no_lock(path, errno);
    }
    if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
        return errno == EWOULDBLOCK ? Result<UniqueFd, Failure>(UniqueFd()) : no_lock(path, errno);
    }
    return lock;
}

/// What posix_spawn needs, undone at the end.
class Spawn {
public:
    Spawn() {
        ::posix_spawn_file_actions_init(&actions_);
        ::posix_spawnattr_init(&attributes_);
    }
    Spawn(const Spawn&) = delete;
    Spawn& operator=(const Spawn&) = delete;
    ~Spawn() {
        ::posix_spawn_file_actions_destroy(&actions_);
        ::posix_spawnattr_destroy(&attributes_);
    }

    /// Zero, or an errno value.
    int run(const Launcher::Order& order, int lock, pid_t& pid) {
        sigset_t none;
        sigset_t all;
        sigemptyset(&none);
        sigfillset(&all);
        ::posix_spawnattr_setsigmask(&attributes_, &none);
        ::posix_spawnattr_setsigdefault(&attributes_, &all);
        ::posix_spawnattr_setflags(
            &attributes_, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
        ::posix_spawn_file_actions_addopen(&actions_, 0, "/dev/null", O_RDONLY, 0);
        ::posix_spawn_file_actions_addopen(&actions_, 1, order.files.worker_log.c_str(),
                                           O_WRONLY | O_CREAT | O_APPEND, 0600);
        ::posix_spawn_file_actions_adddup2(&actions_, 1, 2);
        // Onto itself, it loses close-on-exec: glibc does that since 2.29.
        ::posix_spawn_file_actions_adddup2(&actions_, lock, kLockFd);
        ::posix_spawn_file_actions_addclosefrom_np(&actions_, kLockFd + 1);
        std::string program = order.program;
        std::string config = order.files.config;
        const std::array<char*, 3> arguments = {program.data(), config.data(), nullptr};
        auto environment = our_environment();
        return ::posix_spawn(&pid, program.c_str(), &actions_, &attributes_, arguments.data(),
                             environment.data());
    }

private:
    static std::vector<char*> our_environment() {
        std::vector<char*> kept;
        for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable) {
            const std::string_view text = *variable;
            if (std::ranges::none_of(kOurOwnVariables,
                                     [&](auto own) { return text.starts_with(own); })) {
                kept.push_back(*variable);
            }
        }
        kept.push_back(nullptr);
        return kept;
    }

    posix_spawn_file_actions_t actions_{};
    posix_spawnattr_t attributes_{};
};

Result<WorkerProcess, Failure> spawn(const Launcher::Order& order) {
    const UniqueFd lock = HVIS_TRY(take_lock(order.files.lock));
    if (!lock) {
        return std::unexpected(control::make_failure(ErrorCode::kUnavailable,
                                                     "a worker of this VM still runs",
                                                     cut_power_hint(order.vm_name)));
    }
    pid_t pid = 0;
    if (const int error = Spawn().run(order, lock.get(), pid); error != 0) {
        if (const auto why = worker_program_failure(order.program)) {
            return std::unexpected(*why);
        }
        return failed(order.program, error);
    }
    auto process = WorkerProcess::child(pid);
    if (!process) {
        return failed("pidfd_open", process.error().os_error);
    }
    return *std::move(process);
}

}  // namespace

void ChildLauncher::launch(const Order& order, Launched launched) { launched(spawn(order)); }

void ChildLauncher::find(const Order& order, Found found) {
    if (::access(order.files.lock.c_str(), F_OK) != 0) {
        found(false);
        return;
    }
    const auto lock = take_lock(order.files.lock);
    found(lock && !*lock);
}

void ChildLauncher::kill(const Order&, const WorkerProcess* process) {
    if (process != nullptr) {
        process->kill(SIGKILL);
    }
}

}  // namespace hvis::manager

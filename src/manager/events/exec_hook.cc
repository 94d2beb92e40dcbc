#include "manager/events/exec_hook.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/utf16.h"
#include "control/time_text.h"

namespace hvis::manager {
namespace {

/// The event's JSON in a file without a name: unlike a pipe it takes any length at once.
Result<UniqueFd> input_file(const StoredEvent& event) {
    UniqueFd file(::memfd_create("hvis-event", MFD_CLOEXEC));
    if (!file) {
        return fail_errno("memfd_create");
    }
    const std::string text = control::dump_json(to_json(event)) + '\n';
    if (::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
        ::lseek(file.get(), 0, SEEK_SET) != 0) {
        return fail_errno("write to a memfd");
    }
    return file;
}

/// What keeps a program from being run has nothing to do with it, and passes.
bool passes(int error) {
    constexpr std::array kPassing = {EAGAIN, EINTR,  EIO,    EMFILE, ENFILE,
                                     ENOMEM, ENOSPC, ESTALE, ETXTBSY};
    return std::ranges::find(kPassing, error) != kPassing.end();
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
    std::vector<char*> pointers;
    for (std::string& text : texts) {
        pointers.push_back(text.data());
    }
    pointers.push_back(nullptr);
    return pointers;
}

/// posix_spawn's settings: a process group of its own, and signals as a program expects them.
class SpawnSettings {
public:
    SpawnSettings(int input, int output) {
        posix_spawn_file_actions_init(&actions_);
        posix_spawn_file_actions_adddup2(&actions_, input, STDIN_FILENO);
        posix_spawn_file_actions_adddup2(&actions_, output, STDOUT_FILENO);
        posix_spawn_file_actions_adddup2(&actions_, output, STDERR_FILENO);
        posix_spawn_file_actions_addchdir_np(&actions_, "/");
        posix_spawnattr_init(&attributes_);
        sigset_t signals;
        sigfillset(&signals);
        posix_spawnattr_setsigdefault(&attributes_, &signals);
        sigemptyset(&signals);
        posix_spawnattr_setsigmask(&attributes_, &signals);
        posix_spawnattr_setpgroup(&attributes_, 0);
        posix_spawnattr_setflags(
            &attributes_, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    }
    SpawnSettings(const SpawnSettings&) = delete;
    SpawnSettings& operator=(const SpawnSettings&) = delete;
    ~SpawnSettings() {
        posix_spawn_file_actions_destroy(&actions_);
        posix_spawnattr_destroy(&attributes_);
    }

    [[nodiscard]] const posix_spawn_file_actions_t* actions() const { return &actions_; }
    [[nodiscard]] const posix_spawnattr_t* attributes() const { return &attributes_; }

private:
    posix_spawn_file_actions_t actions_{};
    posix_spawnattr_t attributes_{};
};

Attempt attempt_of_end(const siginfo_t& end, bool timed_out, std::chrono::milliseconds timeout) {
    using enum Attempt::Outcome;
    Attempt attempt;
    if (timed_out) {
        attempt.outcome = kRefused;
        attempt.problem =
            "it was killed because it took longer than " + std::to_string(timeout.count()) + " ms";
    } else if (end.si_code != CLD_EXITED) {
        attempt.outcome = kRefused;
        attempt.problem = "it was ended by signal " + std::to_string(end.si_status);
    } else if (end.si_status != 0) {
        attempt.outcome = end.si_status == ExecHook::kTryAgainStatus ? kFailed : kRefused;
        attempt.problem = "it ended with status " + std::to_string(end.si_status);
    }
    return attempt;
}

}  // namespace

std::vector<std::string> hook_environment(const StoredEvent& event) {
    std::vector<std::string> environment = {
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "LANG=C.UTF-8",
        "HVIS_EVENT=" + event.name,
        "HVIS_EVENT_ID=" + std::to_string(event.id),
        "HVIS_SEQUENCE=" + std::to_string(event.sequence),
        "HVIS_SEVERITY=" + std::string(control::to_string(event.severity)),
        "HVIS_SERVICE=" + event.service,
        "HVIS_TIME=" + control::time_text(event.time),
        "HVIS_TEXT=" + event.text};
    if (event.vm) {
        environment.push_back("HVIS_VM=" + event.vm_name);
        environment.push_back("HVIS_VM_ID=" + event.vm->to_string());
    }
    return environment;
}

ExecHook::ExecHook(ExecHookConfig config, loop::Loop& loop)
    : config_(std::move(config)), loop_(loop) {}

ExecHook::~ExecHook() {
    loop_.cancel_timer(later_timer_);
    if (running_) {
        // Its event is handed over again by the next hvisd.
        stop_watching();
        ::kill(-running_->pid, SIGKILL);
        siginfo_t end{};
        ::waitid(P_PID, static_cast<id_t>(running_->pid), &end, WEXITED);
    }
}

void ExecHook::later(Attempt attempt, std::function<void(Attempt)> done) {
    later_timer_ = loop_.add_timer(loop::Loop::now(),
                                   [this, attempt = std::move(attempt), done = std::move(done)] {
                                       later_timer_ = 0;
                                       done(attempt);
                                   });
}

void ExecHook::deliver(const StoredEvent& event, std::function<void(Attempt)> done) {
    running_ = std::make_unique<Running>();
    running_->begin = loop::Loop::now();
    if (const auto launched = launch(event); !launched) {
        running_.reset();
        const std::string why = std::generic_category().message(launched.error().os_error);
        using enum Attempt::Outcome;
        later({.outcome = passes(launched.error().os_error) ? kFailed : kRefused,
               .problem = config_.command.front() + " cannot be run: " + why},
              std::move(done));
        return;
    }
    running_->done = std::move(done);
}

Result<void> ExecHook::launch(const StoredEvent& event) {
    const UniqueFd input = HVIS_TRY(input_file(event));
    std::array<int, 2> pipe{};
    if (::pipe2(pipe.data(), O_CLOEXEC) != 0) {
        return fail_errno("pipe2");
    }
    running_->output.reset(pipe[0]);
    const UniqueFd output(pipe[1]);
    ::fcntl(pipe[0], F_SETFL, O_NONBLOCK);
    const SpawnSettings settings(input.get(), output.get());
    std::vector<std::string> environment = hook_environment(event);
    std::vector<std::string> command = config_.command;
    const int error = ::posix_spawn(&running_->pid, command.front().c_str(), settings.actions(),
                                    settings.attributes(), pointers_to(command).data(),
                                    pointers_to(environment).data());
    if (error != 0) {
        return std::unexpected(Error{Errc::kOs, "posix_spawn", error});
    }
    running_->process.reset(static_cast<int>(::syscall(SYS_pidfd_open, running_->pid, 0)));
    Result<void> watched;
    if (!running_->process) {
        watched = fail_errno("pidfd_open");
    } else {
        watched = loop_.watch(running_->process.get(), EPOLLIN, [this](uint32_t) { ended(); });
    }
    if (watched) {
        watched = loop_.watch(pipe[0], EPOLLIN, [this](uint32_t) { read_output(); });
    }
    if (!watched) {
        stop_watching();
        ::kill(-running_->pid, SIGKILL);
        ::waitpid(running_->pid, nullptr, 0);
        return watched;
    }
    running_->timer = loop_.add_timer(running_->begin + config_.timeout, [this] {
        running_->timer = 0;
        running_->timed_out = true;
        ::kill(-running_->pid, SIGKILL);
    });
    return {};
}

void ExecHook::read_output() {
    std::array<char, 4096> bytes{};
    while (true) {
        const ssize_t length = ::read(running_->output.get(), bytes.data(), bytes.size());
        if (length < 0 && errno == EAGAIN) {
            return;
        }
        if (length <= 0) {
            loop_.unwatch(running_->output.get());
            return;
        }
        const size_t room = kMaxOutputBytes - running_->printed.size();
        running_->output_cut |= static_cast<size_t>(length) > room;
        running_->printed.append(bytes.data(), std::min(room, static_cast<size_t>(length)));
        if (running_->output_cut) {
            // A program that prints without end must not keep the loop here.
            return;
        }
    }
}

void ExecHook::stop_watching() {
    loop_.cancel_timer(running_->timer);
    loop_.unwatch(running_->process.get());
    loop_.unwatch(running_->output.get());
}

void ExecHook::ended() {
    siginfo_t end{};
    if (::waitid(P_PID, static_cast<id_t>(running_->pid), &end, WEXITED | WNOHANG) != 0 ||
        end.si_pid == 0) {
        return;
    }
    read_output();
    stop_watching();
    const auto finished = std::move(running_);
    Attempt attempt = attempt_of_end(end, finished->timed_out, config_.timeout);
    attempt.took =
        std::chrono::duration_cast<std::chrono::milliseconds>(loop::Loop::now() - finished->begin);
    std::string_view rest = finished->printed;
    const LogLevel level = attempt.problem.empty() ? LogLevel::kInfo : LogLevel::kWarning;
    while (!rest.empty()) {
        const std::string_view line = rest.substr(0, rest.find('\n'));
        log(level, "hook " + config_.name, escape_for_display(line));
        rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    }
    if (finished->output_cut) {
        log(level, "hook " + config_.name, "… and more that is not shown");
    }
    finished->done(attempt);
}

}  // namespace hvis::manager

#include "manager/api/kvm_check.h"

#include <array>
#include <csignal>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/utf16.h"
#include "control/kvm_verdict.h"

namespace hvis::manager {
namespace {

/// Of what hvis-vm says when it has no report, so much is passed on.
constexpr size_t kMaxComplaint = 200;

/// Runs "WORKER --probe --json" with all that it prints in `output`; an errno value or 0.
int spawn(std::string worker, int output, pid_t& pid) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
    ::posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
    sigset_t signals;
    ::posix_spawnattr_init(&attributes);
    sigfillset(&signals);
    ::posix_spawnattr_setsigdefault(&attributes, &signals);
    sigemptyset(&signals);
    ::posix_spawnattr_setsigmask(&attributes, &signals);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    std::string probe = "--probe";
    std::string json = "--json";
    const std::array<char*, 4> arguments = {worker.data(), probe.data(), json.data(), nullptr};
    const int error =
        ::posix_spawn(&pid, worker.c_str(), &actions, &attributes, arguments.data(), environ);
    ::posix_spawnattr_destroy(&attributes);
    ::posix_spawn_file_actions_destroy(&actions);
    return error;
}

std::string text_in(int file) {
    std::string text(control::kMaxProbe, '\0');
    const ssize_t length = ::pread(file, text.data(), text.size(), 0);
    text.resize(length < 0 ? 0 : static_cast<size_t>(length));
    return text;
}

/// The last line: what comes before it may be a library's.
std::string complaint_in(std::string_view text) {
    text = text.substr(0, text.find_last_not_of('\n') + 1);
    text = text.substr(text.find_last_of('\n') + 1);
    return escape_for_display(text.substr(0, kMaxComplaint));
}

std::string failed_probe(const std::string& worker, const std::string& why) {
    return "whether guests can run is not known: " + worker + " --probe: " + why;
}

bool same_file(const struct stat& left, const struct stat& right) {
    // The change of status takes in the mode, the owner and, of a program, the contents.
    return left.st_dev == right.st_dev && left.st_ino == right.st_ino &&
           left.st_ctim.tv_sec == right.st_ctim.tv_sec &&
           left.st_ctim.tv_nsec == right.st_ctim.tv_nsec;
}

}  // namespace

bool KvmCheck::Subject::is(const Subject& other) const {
    return same_file(device, other.device) && same_file(worker, other.worker);
}

KvmCheck::KvmCheck(loop::Loop& loop, std::string worker, std::string device)
    : loop_(loop), worker_(std::move(worker)), device_(std::move(device)) {}

KvmCheck::~KvmCheck() {
    if (probe_ != nullptr) {
        loop_.cancel_timer(probe_->timer);
        loop_.unwatch(probe_->process.fd());
        // It is reaped by whoever takes over the children of a hvisd that has ended.
        probe_->process.kill(SIGKILL);
    }
}

void KvmCheck::ask(Answered answered) {
    Subject subject;
    if (::stat(device_.c_str(), &subject.device) != 0) {
        answered({.usable = false,
                  .explanation = "there is no " + device_ +
                                 ": load kvm_intel or kvm_amd, or allow virtualization in the "
                                 "firmware"});
        return;
    }
    if (::access(device_.c_str(), R_OK | W_OK) != 0) {
        answered(
            {.usable = false,
             .explanation = "hvisd may not open " + device_ + ": put its user into the group kvm"});
        return;
    }
    // Where there is no such program, starting it tells so.
    (void)::stat(worker_.c_str(), &subject.worker);
    if (known_ && known_of_.is(subject)) {
        answered(*known_);
        return;
    }
    waiting_.push_back(std::move(answered));
    if (probe_ != nullptr) {
        return;
    }
    if (const auto begun = begin(subject); !begun) {
        const Error& error = begun.error();
        answer_all({.usable = false,
                    .explanation = failed_probe(
                        worker_, std::string(error.what) + ": " +
                                     std::generic_category().message(error.os_error))});
    }
}

Result<void> KvmCheck::begin(const Subject& subject) {
    UniqueFd output(::memfd_create("hvis-probe", MFD_CLOEXEC));
    if (!output) {
        return fail_errno("memfd_create");
    }
    pid_t pid = 0;
    if (const int error = spawn(worker_, output.get(), pid); error != 0) {
        return std::unexpected(Error{Errc::kOs, "posix_spawn", error});
    }
    auto process = HVIS_TRY(WorkerProcess::child(pid));
    HVIS_CHECK(loop_.watch(process.fd(), EPOLLIN, [this](uint32_t) { ended(); }));
    probe_ = std::make_unique<Probe>(Probe{.subject = subject,
                                           .process = std::move(process),
                                           .output = std::move(output),
                                           .timer = 0,
                                           .timed_out = false});
    probe_->timer = loop_.add_timer(loop::Loop::now() + kPatience, [this] {
        probe_->timer = 0;
        probe_->timed_out = true;
        probe_->process.kill(SIGKILL);
    });
    return {};
}

void KvmCheck::ended() {
    const auto probe = std::move(probe_);
    loop_.cancel_timer(probe->timer);
    loop_.unwatch(probe->process.fd());
    const WorkerExit exit = probe->process.exit();
    const std::string output = text_in(probe->output.get());
    if (const auto verdict = control::judge_kvm(output)) {
        known_ = Answer{.usable = verdict->usable(), .explanation = verdict->text()};
        known_of_ = probe->subject;
        answer_all(*known_);
        return;
    }
    const std::string complaint = complaint_in(output);
    answer_all({.usable = false,
                .explanation = failed_probe(worker_, probe->timed_out    ? "it took too long"
                                                     : complaint.empty() ? exit.text()
                                                                         : complaint)});
}

void KvmCheck::answer_all(const Answer& answer) {
    // A copy: whoever is answered may ask again.
    const Answer told = answer;
    for (const Answered& answered : std::exchange(waiting_, {})) {
        answered(told);
    }
}

}  // namespace hvis::manager

#include "harness/process.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/scratch.h"

namespace hvis::guests {
namespace {

/// Standard streams of a child.
class Redirections {
public:
    Redirections() { posix_spawn_file_actions_init(&actions_); }
    Redirections(const Redirections&) = delete;
    Redirections& operator=(const Redirections&) = delete;
    ~Redirections() { posix_spawn_file_actions_destroy(&actions_); }

    void open(int fd, const std::string& path, int flags) {
        posix_spawn_file_actions_addopen(&actions_, fd, path.c_str(), flags, 0644);
    }
    [[nodiscard]] const posix_spawn_file_actions_t* get() const { return &actions_; }

private:
    posix_spawn_file_actions_t actions_{};
};

std::string status_of(pid_t id) { return read_file("/proc/" + std::to_string(id) + "/status"); }

/// What follows "NAME:" and a tab in the text of a status file; empty if there is no such line.
std::string field(const std::string& status, const std::string& name) {
    std::istringstream lines(status);
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with(name + ":\t")) {
            return line.substr(name.size() + 2);
        }
    }
    return {};
}

uint64_t number_of(const std::string& text) { return std::strtoull(text.c_str(), nullptr, 10); }

int poll_timeout(Clock::time_point deadline) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    return static_cast<int>(std::clamp<int64_t>(left, 0, 1'000'000));
}

}  // namespace

std::unique_ptr<Process> Process::start(const std::vector<std::string>& arguments,
                                        const std::string& output_path,
                                        const std::string& error_path) {
    std::vector<std::string> copies = arguments;
    std::vector<char*> words;
    for (std::string& word : copies) {
        words.push_back(word.data());
    }
    words.push_back(nullptr);
    Redirections streams;
    constexpr int kWrite = O_WRONLY | O_CREAT | O_APPEND;
    streams.open(STDIN_FILENO, "/dev/null", O_RDONLY);
    streams.open(STDOUT_FILENO, output_path, kWrite);
    streams.open(STDERR_FILENO, error_path, kWrite);
    // Else a sanitizer keeps freed memory back, hundreds of MiB of it, and private_bytes() tells
    // that.
    ::setenv("ASAN_OPTIONS", "quarantine_size_mb=1:thread_local_quarantine_size_kb=16", 0);
    // Else the kernel puts huge pages where small ones were, whenever it finds time and memory: the
    // same process then owns 26 or 36 MiB. Children inherit it.
    ::prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
    pid_t id = -1;
    if (::posix_spawnp(&id, words.front(), streams.get(), nullptr, words.data(), environ) != 0) {
        return nullptr;
    }
    return std::unique_ptr<Process>(
        new Process(id, UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, id, 0)))));
}

Process::~Process() {
    if (running()) {
        send(SIGKILL);
        (void)wait(Clock::now() + kExitPatience);
    }
}

std::optional<int> Process::wait(Clock::time_point deadline) {
    if (status_) {
        return status_;
    }
    pollfd ended{.fd = pidfd_.get(), .events = POLLIN, .revents = 0};
    while (::poll(&ended, 1, poll_timeout(deadline)) < 0 && errno == EINTR) {
    }
    int status = 0;
    if (::waitpid(id_, &status, WNOHANG) == id_) {
        status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
    return status_;
}

void Process::send(int signal) const {
    if (!status_) {
        ::kill(id_, signal);
    }
}

uint64_t Process::resident_bytes() const {
    return number_of(field(status_of(id_), "VmRSS")) * 1024;
}

uint64_t Process::private_bytes() const {
    return number_of(field(status_of(id_), "RssAnon")) * 1024;
}

size_t Process::open_files() const {
    std::error_code error;
    const auto folder =
        std::filesystem::directory_iterator("/proc/" + std::to_string(id_) + "/fd", error);
    return error ? 0 : static_cast<size_t>(std::distance(begin(folder), end(folder)));
}

std::vector<Process::Thread> Process::threads() const {
    std::vector<Thread> threads;
    std::error_code error;
    const std::string folder = "/proc/" + std::to_string(id_) + "/task";
    for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
        const std::string status = read_file(entry.path() / "status");
        threads.push_back({.name = field(status, "Name"),
                           .seccomp = number_of(field(status, "Seccomp")),
                           .seccomp_filters = number_of(field(status, "Seccomp_filters"))});
    }
    return threads;
}

Finished run_program(const std::vector<std::string>& arguments, Clock::duration patience) {
    const Scratch scratch;
    Finished finished;
    const auto process = Process::start(arguments, scratch.path("out"), scratch.path("err"));
    if (process == nullptr) {
        return finished;
    }
    finished.status = process->wait(Clock::now() + patience).value_or(-1);
    finished.output = read_file(scratch.path("out"));
    finished.errors = read_file(scratch.path("err"));
    return finished;
}

std::string read_file(const std::string& path) {
    // Not character by character: kernels and programs are read, by an emulated processor.
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return std::move(text).str();
}

void write_file(const std::string& path, std::string_view text) {
    std::ofstream(path, std::ios::binary) << text;
}

}  // namespace hvis::guests

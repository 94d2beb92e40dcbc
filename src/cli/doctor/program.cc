#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/unique_fd.h"
#include "cli/doctor/check.h"
#include "cli/http/patience.h"

namespace hvis::cli {
namespace {

/// Longest output that is read of a program.
constexpr size_t kMaxOutput = size_t{1024} * 1024;
/// The programs asked answer at once; one that hangs on a broken KVM is killed.
constexpr std::chrono::seconds kRunPatience{20};

std::string read_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

bool is_there(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

std::string owner_of(const std::string& path) {
    struct stat found = {};
    const passwd* user = ::stat(path.c_str(), &found) == 0 ? ::getpwuid(found.st_uid) : nullptr;
    return user == nullptr ? std::string() : std::string(user->pw_name);
}

int open_error_of(const std::string& path) {
    const UniqueFd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    return fd ? 0 : errno;
}

std::string find_in_path(std::string_view name) {
    std::error_code error;
    std::vector<std::filesystem::path> folders;
    if (const auto self = std::filesystem::read_symlink("/proc/self/exe", error); !error) {
        folders.push_back(self.parent_path());
        folders.push_back(self.parent_path() / "../worker");  // in a build folder
    }
    const char* path = std::getenv("PATH");
    std::string rest = std::string(path == nullptr ? "" : path) + ":/usr/sbin:/usr/libexec";
    while (!rest.empty()) {
        const size_t colon = rest.find(':');
        folders.emplace_back(rest.substr(0, colon));
        rest = colon == std::string::npos ? "" : rest.substr(colon + 1);
    }
    for (const auto& folder : folders) {
        const auto file = folder / name;
        if (std::filesystem::is_regular_file(file, error) && ::access(file.c_str(), X_OK) == 0) {
            return file.lexically_normal().string();
        }
    }
    return {};
}

/// Reads to the end; false when there is too much or it takes too long.
bool read_all(int fd, std::string& text) {
    const Patience patience{.deadline = std::chrono::steady_clock::now() + kRunPatience,
                            .interrupt = -1};
    std::array<char, 4096> piece = {};
    while (text.size() < kMaxOutput && wait_for(fd, POLLIN, patience)) {
        const ssize_t got = ::read(fd, piece.data(), piece.size());
        if (got <= 0) {
            return true;
        }
        text.append(piece.data(), static_cast<size_t>(got));
    }
    return false;
}

pid_t spawn(const std::vector<std::string>& command, int output) {
    std::vector<char*> arguments;
    for (const std::string& word : command) {
        arguments.push_back(const_cast<char*>(word.c_str()));
    }
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    sigset_t none;
    sigemptyset(&none);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    pid_t child = -1;
    const int bad = ::posix_spawn(&child, command.front().c_str(), &actions, &attributes,
                                  arguments.data(), environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return bad == 0 ? child : -1;
}

Ran run_program(const std::vector<std::string>& command) {
    std::array<int, 2> ends = {-1, -1};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
        return {};
    }
    const UniqueFd from(ends[0]);
    UniqueFd into(ends[1]);
    const pid_t child = spawn(command, into.get());
    into.reset();
    if (child < 0) {
        return {};
    }
    Ran ran;
    if (!read_all(from.get(), ran.output)) {
        ::kill(child, SIGKILL);
    }
    int status = 0;
    if (::waitpid(child, &status, 0) == child && WIFEXITED(status)) {
        ran.status = WEXITSTATUS(status);
    }
    return ran;
}

std::string release_of_kernel() {
    utsname names = {};
    return ::uname(&names) == 0 ? names.release : "";
}

std::vector<std::string> groups_of_process() {
    std::vector<gid_t> ids(static_cast<size_t>(std::max(0, ::getgroups(0, nullptr))));
    const int count = ::getgroups(static_cast<int>(ids.size()), ids.data());
    ids.resize(static_cast<size_t>(std::max(0, count)));
    ids.push_back(::getegid());
    std::vector<std::string> names;
    for (const gid_t id : ids) {
        if (const group* entry = ::getgrgid(id); entry != nullptr) {
            names.emplace_back(entry->gr_name);
        }
    }
    return names;
}

}  // namespace

Host Host::real() {
    return {.read = read_file,
            .exists = is_there,
            .owner = owner_of,
            .open_error = open_error_of,
            .find_program = find_in_path,
            .run = run_program,
            .kernel_release = release_of_kernel,
            .groups = groups_of_process,
            .root = ::geteuid() == 0};
}

}  // namespace hvis::cli

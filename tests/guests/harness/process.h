#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "base/unique_fd.h"
#include "harness/deadlines.h"

namespace hvis::guests {

/// A program that a test started. Its standard input is /dev/null, its output goes to files. It is
/// killed and reaped when it is forgotten.
class Process {
public:
    /// nullptr when it cannot be started.
    static std::unique_ptr<Process> start(const std::vector<std::string>& arguments,
                                          const std::string& output_path,
                                          const std::string& error_path);
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;
    ~Process();

    [[nodiscard]] pid_t id() const { return id_; }
    /// Its exit status as a shell gives it (128 and the signal's number for a killed one), or
    /// nothing while it still runs at the deadline.
    std::optional<int> wait(Clock::time_point deadline);
    [[nodiscard]] bool running() { return !wait(Clock::now()); }
    void send(int signal) const;

    /// VmRSS of /proc/PID/status, or 0 when it has ended.
    [[nodiscard]] uint64_t resident_bytes() const;
    /// Memory of its own: RssAnon. The guest's memory is shared and not part of it.
    [[nodiscard]] uint64_t private_bytes() const;
    [[nodiscard]] size_t open_files() const;

    /// /proc/PID/task/*/status of one thread.
    struct Thread {
        std::string name;
        uint64_t seccomp = 0;          ///< 2: it runs under a filter
        uint64_t seccomp_filters = 0;  ///< how many, one upon the other
    };
    [[nodiscard]] std::vector<Thread> threads() const;

private:
    Process(pid_t id, UniqueFd pidfd) : id_(id), pidfd_(std::move(pidfd)) {}

    pid_t id_;
    UniqueFd pidfd_;
    std::optional<int> status_;
};

/// What a program that ended by itself left behind.
struct Finished {
    int status = -1;  ///< -1: it could not be started, or did not end in time
    std::string output;
    std::string errors;
};

/// Runs a program to its end.
Finished run_program(const std::vector<std::string>& arguments,
                     Clock::duration patience = kExitPatience);

/// The whole file, or what could be read of it.
std::string read_file(const std::string& path);
void write_file(const std::string& path, std::string_view text);

}  // namespace hvis::guests

#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/unique_fd.h"
#include "harness/deadlines.h"

namespace hvis::guests {

/// What a command in the guest came to.
struct CommandOutput {
    int status = -1;     ///< its exit status; -1: the console gave no answer
    std::string output;  ///< standard output and error, without the final line ends
};

/// The guest's serial console, which speaks the protocol of lab/README.md: a line `ID COMMAND`
/// goes in, what the command writes comes back between `<<<ID` and `>>>ID STATUS`.
class Console {
public:
    /// Connects to the machine's serial socket as soon as it is there; nullptr at the deadline.
    static std::unique_ptr<Console> connect(const std::string& path, Clock::time_point deadline);

    /// Waits for the next time that the guest says its console is ready: after each start.
    bool wait_ready(Clock::time_point deadline);
    /// Runs a shell command. Once the console has failed to answer it is not asked again.
    CommandOutput run(std::string_view command, Clock::time_point deadline);
    /// Sends a command whose end cannot be awaited: the guest goes down with it.
    void send(std::string_view command);
    /// Waits until the guest has written this; it counts as read then.
    bool wait_text(std::string_view text, Clock::time_point deadline);

    /// Everything that the guest has written so far.
    const std::string& transcript();
    /// The console has not answered: nothing further can be expected of it until it is ready again.
    [[nodiscard]] bool silent() const { return silent_; }

private:
    explicit Console(UniqueFd socket) : socket_(std::move(socket)) {}
    bool receive(Clock::time_point deadline);
    bool write_all(std::string_view text);

    UniqueFd socket_;
    std::string transcript_;
    size_t read_ = 0;  // how much of the transcript has been looked at
    uint64_t next_command_ = 1;
    bool silent_ = false;
    bool closed_ = false;
};

}  // namespace hvis::guests

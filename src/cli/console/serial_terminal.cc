#include "cli/console/serial_terminal.h"

#include <array>
#include <cerrno>

#include <poll.h>
#include <sys/socket.h>
#include <termios.h>

namespace hvis::cli {
namespace {

using control::ErrorCode;
using control::make_failure;

/// Bytes taken at once; a serial line is slower.
constexpr size_t kChunk = 4096;

/// Raw while it lives, where standard input is a terminal.
class RawTerminal {
public:
    explicit RawTerminal(bool wanted) : raw_(wanted && ::tcgetattr(STDIN_FILENO, &before_) == 0) {
        if (raw_) {
            termios raw = before_;
            ::cfmakeraw(&raw);
            ::tcsetattr(STDIN_FILENO, TCSANOW, &raw);
        }
    }
    RawTerminal(const RawTerminal&) = delete;
    RawTerminal& operator=(const RawTerminal&) = delete;
    ~RawTerminal() {
        if (raw_) {
            ::tcsetattr(STDIN_FILENO, TCSANOW, &before_);
        }
    }

private:
    termios before_ = {};
    bool raw_;
};

/// False when the guest's end is gone.
bool send_keys(int socket, std::string_view keys, const Patience& patience) {
    while (!keys.empty()) {
        const ssize_t sent = ::send(socket, keys.data(), keys.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent > 0) {
            keys.remove_prefix(static_cast<size_t>(sent));
        } else if (errno != EINTR && (errno != EAGAIN || !wait_for(socket, POLLOUT, patience))) {
            return false;
        }
    }
    return true;
}

enum class Step : uint8_t { kGoOn, kLeave, kInputEnded };

Step take_keys(int socket, const Patience& patience) {
    std::array<char, kChunk> keys = {};
    const ssize_t got = ::read(STDIN_FILENO, keys.data(), keys.size());
    if (got <= 0) {
        return got < 0 && errno == EINTR ? Step::kGoOn : Step::kInputEnded;
    }
    bool left = false;
    const auto wanted = keys_for_guest({keys.data(), static_cast<size_t>(got)}, left);
    return send_keys(socket, wanted, patience) && !left ? Step::kGoOn : Step::kLeave;
}

/// The guest's own bytes: a terminal is what a serial console is for, so they are not escaped.
Step show_bytes(int socket, const Output& output) {
    std::array<char, kChunk> bytes = {};
    const ssize_t got = ::recv(socket, bytes.data(), bytes.size(), 0);
    if (got < 0 && errno == EINTR) {
        return Step::kGoOn;
    }
    return got > 0 && output.out({bytes.data(), static_cast<size_t>(got)}) ? Step::kGoOn
                                                                           : Step::kLeave;
}

}  // namespace

std::string_view keys_for_guest(std::string_view keys, bool& left) {
    const size_t end = keys.find(kLeaveConsole);
    left = end != std::string_view::npos;
    return keys.substr(0, end);
}

Result<void, Failure> join_serial(Session& session, UniqueFd socket) {
    const RawTerminal raw(session.output.in_terminal);
    const Patience patience{.deadline = {}, .interrupt = session.api.interrupt()};
    std::array<pollfd, 3> polled = {
        {{.fd = socket.get(), .events = POLLIN, .revents = 0},
         {.fd = STDIN_FILENO, .events = POLLIN, .revents = 0},
         {.fd = session.api.interrupt(), .events = POLLIN, .revents = 0}}};
    while (true) {
        if (::poll(polled.data(), polled.size(), -1) < 0 && errno != EINTR) {
            return std::unexpected(make_failure(ErrorCode::kFailed, "poll failed"));
        }
        if (polled[2].revents != 0) {
            return {};
        }
        if (polled[0].revents != 0 && show_bytes(socket.get(), session.output) == Step::kLeave) {
            return {};
        }
        if (polled[1].revents != 0) {
            const Step step = take_keys(socket.get(), patience);
            if (step == Step::kLeave) {
                return {};
            }
            if (step == Step::kInputEnded) {
                polled[1].fd = -1;
            }
        }
    }
}

}  // namespace hvis::cli

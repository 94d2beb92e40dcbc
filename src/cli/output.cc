#include "cli/output.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <iostream>
#include <memory>

#include <nlohmann/json.hpp>
#include <poll.h>
#include <unistd.h>

#include "base/table.h"
#include "cli/http/patience.h"

namespace hvis::cli {
namespace {

constexpr int kBarWidth = 20;
/// Erases the line to its right; every terminal of the last decades knows it (ECMA-48 EL).
constexpr std::string_view kEraseLine = "\r\x1b[K";

/// Writes all of it. 0, or errno.
int write_out(std::string_view text) {
    while (!text.empty()) {
        const ssize_t written = ::write(STDOUT_FILENO, text.data(), text.size());
        if (written >= 0) {
            text.remove_prefix(static_cast<size_t>(written));
        } else if (errno == EAGAIN) {
            // Whoever shares the terminal or the pipe may have made it non-blocking.
            pollfd room = {.fd = STDOUT_FILENO, .events = POLLOUT, .revents = 0};
            (void)::poll(&room, 1, -1);
        } else if (errno != EINTR) {
            return errno;
        }
    }
    return 0;
}

}  // namespace

Output Output::standard() {
    const auto error = std::make_shared<int>(0);
    return {.out =
                [error](std::string_view text) {
                    if (*error == 0) {
                        *error = write_out(text);
                    }
                    return *error == 0;
                },
            .err = [](std::string_view text) { std::cerr << text << std::flush; },
            .out_error = [error] { return *error; },
            .in_terminal = ::isatty(STDIN_FILENO) != 0,
            .out_terminal = ::isatty(STDOUT_FILENO) != 0,
            .err_terminal = ::isatty(STDERR_FILENO) != 0};
}

std::optional<control::Failure> Output::lost() const {
    const int error = out_error ? out_error() : 0;
    if (error == 0 || error == EPIPE) {
        return std::nullopt;
    }
    return control::make_failure(
        control::ErrorCode::kFailed,
        std::string("cannot write to standard output: ") + std::strerror(error),
        "a change that was asked for is made; only the answer is lost");
}

int report(const Output& output, bool json, const control::Failure& failure) {
    const bool by_hand = failure.outcome == kInterrupted;
    if (json) {
        output.err(control::dump_json({{"error", to_json(failure)}}) + "\n");
    } else {
        // The field's pointer is for programs: where it matters, the message begins with it.
        output.err("hvis: " + printable(failure.message) + "\n");
        if (!failure.hint.empty()) {
            output.err("  " + printable(failure.hint) + "\n");
        }
    }
    return by_hand ? kInterruptedStatus : exit_status(failure.code);
}

Progress::Progress(const Output& output, bool enabled)
    : output_(output), enabled_(enabled && output.err_terminal) {}

Progress::~Progress() {
    if (drawn_) {
        output_.err(kEraseLine);
    }
}

void Progress::show(std::string_view what, std::optional<double> fraction) {
    if (enabled_) {
        output_.err(std::string(kEraseLine) + progress_text(what, fraction, turn_++));
        drawn_ = true;
    }
}

std::string progress_text(std::string_view what, std::optional<double> fraction, unsigned turn) {
    constexpr std::array<char, 4> kTurns = {'|', '/', '-', '\\'};
    if (!fraction) {
        return std::string(1, kTurns[turn % kTurns.size()]) + " " + printable(what);
    }
    const double done = std::clamp(*fraction, 0.0, 1.0);
    const auto filled = static_cast<size_t>(std::lround(done * kBarWidth));
    const std::string percent = std::to_string(std::lround(done * 100));
    return "[" + std::string(filled, '#') + std::string(kBarWidth - filled, '-') + "] " +
           std::string(3 - std::min<size_t>(percent.size(), 3), ' ') + percent + "% " +
           printable(what);
}

}  // namespace hvis::cli

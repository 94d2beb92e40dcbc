#include "cli/output.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <iostream>

#include <nlohmann/json.hpp>
#include <unistd.h>

#include "base/table.h"
#include "cli/http/patience.h"

namespace hvis::cli {
namespace {

constexpr int kBarWidth = 20;
/// Erases the line to its right; every terminal of the last decades knows it (ECMA-48 EL).
constexpr std::string_view kEraseLine = "\r\x1b[K";

}  // namespace

Output Output::standard() {
    return {.out =
                [](std::string_view text) {
                    std::cout << text << std::flush;
                    return std::cout.good();
                },
            .err = [](std::string_view text) { std::cerr << text << std::flush; },
            .in_terminal = ::isatty(STDIN_FILENO) != 0,
            .out_terminal = ::isatty(STDOUT_FILENO) != 0,
            .err_terminal = ::isatty(STDERR_FILENO) != 0};
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

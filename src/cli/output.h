#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "control/failure.h"

namespace hvis::cli {

/// Where words go, and whether a person reads them there.
struct Output {
    /// False when nothing is taken any more: the reader of a pipe has left, or a disk is full.
    std::function<bool(std::string_view)> out;
    std::function<void(std::string_view)> err;
    /// The errno with which `out` failed first; 0: it has not. Empty where it cannot fail.
    std::function<int()> out_error = nullptr;
    bool in_terminal = false;
    bool out_terminal = false;
    bool err_terminal = false;
    /// The process's own standard streams.
    static Output standard();
    /// What of the results is lost: ENOSPC and the like. A reader that has left wants no more, and
    /// misses nothing.
    [[nodiscard]] std::optional<control::Failure> lost() const;
};

/// What Ctrl+C ended leaves with, as a shell has it for SIGINT.
inline constexpr int kInterruptedStatus = 130;

/// Says on standard error what went wrong and what to do; as {"error":…} for programs. Returns the
/// exit status.
int report(const Output& output, bool json, const control::Failure& failure);

/// A line on a terminal's standard error that shows how long work goes on; nothing elsewhere.
class Progress {
public:
    /// `output` must outlive it.
    Progress(const Output& output, bool enabled);
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;
    ~Progress();

    /// Draws the line anew: a bar where the fraction (0 to 1) is known, else something that turns.
    void show(std::string_view what, std::optional<double> fraction);
    [[nodiscard]] bool enabled() const { return enabled_; }

private:
    const Output& output_;
    bool enabled_;
    unsigned turn_ = 0;
    bool drawn_ = false;
};

/// The line without its control sequences: "[#####-----]  50% saving disks".
std::string progress_text(std::string_view what, std::optional<double> fraction, unsigned turn);

}  // namespace hvis::cli

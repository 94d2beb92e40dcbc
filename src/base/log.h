#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string_view>

#include "base/time.h"

namespace hvis {

/// syslog(3) severities that the project uses.
enum class LogLevel : uint8_t { kError = 3, kWarning = 4, kNotice = 5, kInfo = 6, kDebug = 7 };

/// Writes one line to standard error, "<6>area: text", the form that the journal understands. Any
/// thread; one write(2) per line. Text from a guest must have gone through escape_for_display.
void log(LogLevel level, std::string_view area, std::string_view text);

/// Lines above this level are dropped. Default kInfo; $HVIS_LOG_LEVEL (error..debug) at start.
void set_log_level(LogLevel level);
[[nodiscard]] LogLevel log_level();

/// Lets a few lines of one kind through per period, so that a guest cannot fill the host's log.
/// Any thread.
class LogLimit {
public:
    static constexpr uint32_t kBurst = 5;
    static constexpr Duration kPeriod = std::chrono::seconds(10);

    /// True if the caller may log now.
    bool allow(TimePoint now);
    /// How many were refused since the last line that was allowed; resets the count.
    uint32_t take_suppressed() { return suppressed_.exchange(0); }

private:
    std::atomic<TimePoint::rep> period_start_{};
    std::atomic<uint32_t> used_{0};
    std::atomic<uint32_t> suppressed_{0};
};

}  // namespace hvis

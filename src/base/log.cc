#include "base/log.h"

#include <cstdlib>
#include <string>

#include <unistd.h>

namespace hvis {
namespace {

LogLevel level_from_environment() {
    const char* text = std::getenv("HVIS_LOG_LEVEL");
    const std::string_view name = text == nullptr ? "" : text;
    if (name == "error") {
        return LogLevel::kError;
    }
    if (name == "warning") {
        return LogLevel::kWarning;
    }
    if (name == "debug") {
        return LogLevel::kDebug;
    }
    return LogLevel::kInfo;
}

std::atomic<LogLevel>& current_level() {
    static std::atomic<LogLevel> level{level_from_environment()};
    return level;
}

}  // namespace

void set_log_level(LogLevel level) { current_level().store(level); }

LogLevel log_level() { return current_level().load(std::memory_order_relaxed); }

void log(LogLevel level, std::string_view area, std::string_view text) {
    if (level > log_level()) {
        return;
    }
    std::string line;
    line.reserve(area.size() + text.size() + 8);
    line += '<';
    line += static_cast<char>('0' + static_cast<int>(level));
    line += '>';
    line += area;
    line += ": ";
    line += text;
    line += '\n';
    // A log line that cannot be written has nowhere to be reported.
    [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
}

bool LogLimit::allow(TimePoint now) {
    const auto ticks = now.time_since_epoch().count();
    auto start = period_start_.load();
    if (ticks - start >= kPeriod.count() && period_start_.compare_exchange_strong(start, ticks)) {
        used_.store(0);
    }
    if (used_.fetch_add(1) < kBurst) {
        return true;
    }
    suppressed_.fetch_add(1);
    return false;
}

}  // namespace hvis

#include "base/log.h"

#include <cstdlib>
#include <string>

#include <unistd.h>

#include "base/log_words.h"

namespace hvis {
namespace {

void write_line(LogLevel level, std::string_view area, std::string_view text) {
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

LogLevel level_from_environment() {
    const char* text = std::getenv("HVIS_LOG_LEVEL");  // NOLINT(concurrency-mt-unsafe)
    if (text == nullptr || *text == '\0') {
        return LogLevel::kInfo;
    }
    if (const auto level = log_level_from(text)) {
        return *level;
    }
    // Not by log(), which asks for the level that is being made up here.
    write_line(LogLevel::kWarning, "log",
               "HVIS_LOG_LEVEL must be error, warning, notice, info or debug: info is taken");
    return LogLevel::kInfo;
}

std::atomic<LogLevel>& current_level() {
    static std::atomic<LogLevel> level{level_from_environment()};
    return level;
}

}  // namespace

std::optional<LogLevel> log_level_from(std::string_view word) {
    if (word == "error") {
        return LogLevel::kError;
    }
    if (word == "warning") {
        return LogLevel::kWarning;
    }
    if (word == "notice") {
        return LogLevel::kNotice;
    }
    if (word == "info") {
        return LogLevel::kInfo;
    }
    if (word == "debug") {
        return LogLevel::kDebug;
    }
    return std::nullopt;
}

void set_log_level(LogLevel level) { current_level().store(level); }

LogLevel log_level() { return current_level().load(std::memory_order_relaxed); }

void log(LogLevel level, std::string_view area, std::string_view text) {
    if (level > log_level()) {
        return;
    }
    write_line(level, area, text);
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

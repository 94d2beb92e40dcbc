#include "control/time_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <ctime>

namespace hvis::control {
namespace {

/// Takes the pieces of a time from the front of a text.
class TimeReader {
public:
    explicit TimeReader(std::string_view text) : text_(text) {}

    /// A number of exactly `digits` digits within the bounds.
    bool number(size_t digits, int lowest, int highest, int& value) {
        if (text_.size() < digits || !std::ranges::all_of(text_.substr(0, digits), is_digit)) {
            return false;
        }
        std::from_chars(text_.data(), text_.data() + digits, value);
        text_.remove_prefix(digits);
        return value >= lowest && value <= highest;
    }

    bool one_of(std::string_view letters, char* which = nullptr) {
        if (text_.empty() || !letters.contains(text_.front())) {
            return false;
        }
        if (which != nullptr) {
            *which = text_.front();
        }
        text_.remove_prefix(1);
        return true;
    }

    /// The digits after the point, in units of 100 ns.
    bool fraction(int64_t& ticks) {
        constexpr size_t kMaxDigits = 9;
        const auto end = std::ranges::find_if_not(text_, is_digit);
        const auto digits = static_cast<size_t>(end - text_.begin());
        if (digits == 0 || digits > kMaxDigits) {
            return false;
        }
        ticks = 0;
        for (size_t place = 0; place < 7; ++place) {
            ticks = ticks * 10 + (place < digits ? text_[place] - '0' : 0);
        }
        text_.remove_prefix(digits);
        return true;
    }

    [[nodiscard]] bool at_end() const { return text_.empty(); }

private:
    static bool is_digit(char c) { return c >= '0' && c <= '9'; }
    std::string_view text_;
};

/// "Z", "+02:00" or "-02:00".
bool read_offset(TimeReader& reader, std::chrono::minutes& offset) {
    offset = std::chrono::minutes(0);
    if (reader.one_of("Zz")) {
        return true;
    }
    char sign = '+';
    int hours = 0;
    int minutes = 0;
    if (!reader.one_of("+-", &sign) || !reader.number(2, 0, 23, hours) || !reader.one_of(":") ||
        !reader.number(2, 0, 59, minutes)) {
        return false;
    }
    offset = std::chrono::hours(hours) + std::chrono::minutes(minutes);
    offset = sign == '-' ? -offset : offset;
    return true;
}

}  // namespace

std::string time_text(WallTime time) {
    constexpr auto kEpoch = static_cast<uint64_t>(kUnixEpochInTicks);
    const uint64_t milliseconds = time.ticks > kEpoch ? (time.ticks - kEpoch) / 10'000 : 0;
    const auto seconds = static_cast<std::time_t>(milliseconds / 1000);
    std::tm parts{};
    (void)::gmtime_r(&seconds, &parts);
    // Room for every int, so that no year is ever cut off.
    std::array<char, 96> text{};
    const int length =
        std::snprintf(text.data(), text.size(), "%04d-%02d-%02dT%02d:%02d:%02d.%03uZ",
                      parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour,
                      parts.tm_min, parts.tm_sec, static_cast<unsigned>(milliseconds % 1000));
    return {text.data(), static_cast<size_t>(length)};
}

std::optional<WallTime> parse_time(std::string_view text) {
    TimeReader reader(text);
    int year = 0;
    int month = 0;
    int day = 0;
    int hour = 0;
    int minute = 0;
    int second = 0;
    if (!reader.number(4, 1970, 9999, year) || !reader.one_of("-") ||
        !reader.number(2, 1, 12, month) || !reader.one_of("-") || !reader.number(2, 1, 31, day) ||
        !reader.one_of("Tt ") || !reader.number(2, 0, 23, hour) || !reader.one_of(":") ||
        !reader.number(2, 0, 59, minute) || !reader.one_of(":") ||
        !reader.number(2, 0, 60, second)) {  // 60: a leap second counts as the one after it
        return std::nullopt;
    }
    int64_t fraction = 0;
    std::chrono::minutes offset{};
    if ((reader.one_of(".") && !reader.fraction(fraction)) || !read_offset(reader, offset) ||
        !reader.at_end()) {
        return std::nullopt;
    }
    const std::chrono::year_month_day date{std::chrono::year(year),
                                           std::chrono::month(static_cast<unsigned>(month)),
                                           std::chrono::day(static_cast<unsigned>(day))};
    if (!date.ok()) {
        return std::nullopt;
    }
    const Ticks since_unix = std::chrono::sys_days(date).time_since_epoch() +
                             std::chrono::hours(hour) + std::chrono::minutes(minute) +
                             std::chrono::seconds(second) - offset + Ticks(fraction);
    if (since_unix.count() < 0) {
        return std::nullopt;
    }
    return WallTime{static_cast<uint64_t>(since_unix.count() + kUnixEpochInTicks)};
}

}  // namespace hvis::control

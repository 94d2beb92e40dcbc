#include "cli/verbs/event_start.h"

#include <algorithm>

#include "base/duration.h"
#include "control/time_text.h"

namespace hvis::cli {
namespace {

constexpr uint64_t kTicksOfMillisecond = 10'000;
constexpr size_t kDate = std::string_view("2026-03-01").size();
constexpr size_t kMinute = std::string_view("2026-03-01T12:00").size();

bool is_number(std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

/// What people leave out put in: the time of a day, the seconds, the offset.
std::string completed(std::string text) {
    if (text.size() == kDate) {
        text += "T00:00";
    }
    if (text.size() >= kMinute && (text.size() == kMinute || text[kMinute] != ':')) {
        text.insert(kMinute, ":00");
    }
    if (text.size() > kMinute && text.find_first_of("Zz+-", kMinute) == std::string::npos) {
        text += "Z";
    }
    return text;
}

}  // namespace

std::optional<EventStart> parse_event_start(const std::string& text, WallTime now) {
    if (is_number(text)) {
        return EventStart{.number = text, .from = {}};
    }
    if (const auto span = parse_duration(text)) {
        // No event is older than the clock's own beginning.
        const uint64_t back =
            std::min(static_cast<uint64_t>(span->count()), now.ticks / kTicksOfMillisecond);
        const WallTime from{now.ticks - (back * kTicksOfMillisecond)};
        return EventStart{.number = {}, .from = control::time_text(from)};
    }
    const std::string moment = completed(text);
    if (control::parse_time(moment)) {
        return EventStart{.number = {}, .from = moment};
    }
    return std::nullopt;
}

}  // namespace hvis::cli

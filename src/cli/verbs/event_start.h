#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"

namespace hvis::cli {

/// Where --since has events begin: at a number, or at a moment as hvisd reads it.
struct EventStart {
    std::string number;
    std::string from;  ///< RFC 3339
    bool operator==(const EventStart&) const = default;
};

inline constexpr std::string_view kStartExpected =
    "expected an event's number, a span such as 2h, or a moment such as 2026-03-01T12:00";

/// "41", "2h" (before `now`), "2026-03-01", "2026-03-01T12:00", "2026-03-01T12:00:00+02:00". A
/// moment that names no offset is in UTC, as all times that hvis shows are.
std::optional<EventStart> parse_event_start(const std::string& text, WallTime now);

}  // namespace hvis::cli

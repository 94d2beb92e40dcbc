#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace hvis {

inline constexpr std::string_view kDurationExpected =
    "expected a duration such as 500ms, 30s, 5m, 2h";

/// "500ms", "30s", "5m", "2h", "1d": a whole number and a unit. nullopt for anything else, and for
/// what does not fit.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);

/// The shortest text that parse_duration() reads as this: "500ms", "90s", "1h".
std::string typed_duration(std::chrono::milliseconds duration);

/// "250 ms", "5 s", "1 min 5 s", "3 h 2 min", "2 d 3 h": the two largest units.
std::string duration_text(std::chrono::milliseconds duration);

}  // namespace hvis

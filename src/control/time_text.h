#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"

namespace hvis::control {

/// RFC 3339 in UTC with milliseconds, "2026-03-01T12:00:00.250Z". Times before 1970 show as 1970.
std::string time_text(WallTime time);

/// Reads RFC 3339 (section 5.6): any offset, up to nine digits of a second of which those beyond
/// the WallTime's 100 ns are cut. Nothing for any other text, and for times before 1970.
std::optional<WallTime> parse_time(std::string_view text);

}  // namespace hvis::control

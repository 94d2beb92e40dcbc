#pragma once

#include <string>

#include "base/time.h"

namespace hvis::control {

/// RFC 3339 in UTC with milliseconds, "2026-03-01T12:00:00.250Z". Times before 1970 show as 1970.
std::string time_text(WallTime time);

}  // namespace hvis::control

#pragma once

#include <optional>
#include <string_view>

#include "base/log.h"

namespace hvis {

/// "error", "warning", "notice", "info" or "debug": the values of $HVIS_LOG_LEVEL.
std::optional<LogLevel> log_level_from(std::string_view word);

}  // namespace hvis

#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "control/json.h"

namespace hvis::manager {

/// One server-sent event (WHATWG HTML 9.2). The JSON has no line breaks of its own.
std::string server_event(std::string_view type, std::optional<uint64_t> id,
                         const control::Json& data);

}  // namespace hvis::manager

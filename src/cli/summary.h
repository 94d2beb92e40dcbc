#pragma once

#include <array>
#include <string>
#include <string_view>

#include "control/json.h"

namespace hvis::cli {

using control::Json;

/// States of a VM as hvisd knows them (docs/hvisd.md).
inline constexpr std::array<std::string_view, 8> kStateWords = {
    "stopped", "starting", "running", "paused", "stopping", "crashed", "failed", "unreachable"};

/// The table of `hvis list`, from {"vms":[…]}.
std::string summaries_text(const Json& list);
/// The screen of `hvis status`: the worker's status where there is one, else why there is none. Of
/// a worker that does not answer, what it said last is shown as such.
std::string status_text(const Json& summary);
/// The table of `hvis service list`, from the list of services.
std::string services_text(const Json& services);
/// The screen of `hvis heartbeat show`.
std::string heartbeat_text(const Json& heartbeat);
/// The screen of `hvis vm show`.
std::string definition_text(const Json& summary);

}  // namespace hvis::cli

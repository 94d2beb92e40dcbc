#pragma once

#include <string>

#include "control/commands.h"
#include "control/json.h"

namespace hvis::worker {

/// A result as people read it; empty where there is nothing to say. What is missing in the result
/// is left out, and text is made safe for a terminal.
std::string show_result(const control::Command& command, const control::Json& result);

}  // namespace hvis::worker

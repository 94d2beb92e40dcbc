#pragma once

#include <string>

#include "base/result.h"
#include "control/json.h"
#include "worker/config.h"

namespace hvis::worker {

/// What is in the file, at most a byte more than kMaxConfigBytes.
Result<std::string, control::FieldError> read_config_file(const std::string& path);
/// Reads and parses it. Relative paths in it stay as they are.
Result<Config, control::FieldError> load_config(const std::string& path);

}  // namespace hvis::worker

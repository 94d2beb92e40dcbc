#pragma once

#include <string>

#include "base/result.h"
#include "control/json.h"
#include "worker/config.h"

namespace hvis::worker {

/// What is in the file, at most a byte more than kMaxConfigBytes.
Result<std::string, control::FieldError> read_config_file(const std::string& path);

/// Why a configuration is refused.
struct Refusal {
    control::FieldError error;
    std::string last_words;  ///< Config::last_words, if so much can be read; or empty
};
/// Reads and parses it. Relative paths in it stay as they are.
Result<Config, Refusal> load_config(const std::string& path);

}  // namespace hvis::worker

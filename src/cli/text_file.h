#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"
#include "control/failure.h"

namespace hvis::cli {

/// What the file holds, at most `most` bytes of it. What cannot be read is a kUsage failure.
Result<std::string, control::Failure> read_file(const std::string& path, size_t most);

/// Puts `text` in the place of what the file held, wholly or not at all: a new file beside it takes
/// its name, with its permissions. What is no file, such as a pipe, is written to.
Result<void, control::Failure> replace_file(const std::string& path, std::string_view text);

}  // namespace hvis::cli

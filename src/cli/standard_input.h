#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "cli/http/patience.h"

namespace hvis::cli {

enum class Until : uint8_t { kLine, kEnd };

/// What comes on standard input, at most `most` bytes: one line, without its end, or all there is.
/// Ctrl+C, which makes `interrupt` readable, ends the waiting.
Result<std::string, control::Failure> read_input(Until until, size_t most, int interrupt);

}  // namespace hvis::cli

#pragma once

#include <string>
#include <string_view>

namespace hvis::cli {

/// What hvisd says of a field in milliseconds, in the words of an option that takes durations:
/// "expected integer 1000..3600000" is "expected 1s to 1h", "…, which is 60000" is "…, which is
/// 1m".
std::string with_durations(std::string_view message);

}  // namespace hvis::cli

#pragma once

#include <cstddef>
#include <string_view>

namespace hvis::worker {

/// The part of a crash report's text that says why, at most `limit` bytes. Linux hands over the end
/// of its whole log (hv_kmsg_dump): what comes before "Kernel panic" is older; without that line
/// the newest bytes are taken. Guest-controlled text.
std::string_view crash_excerpt(std::string_view text, size_t limit);

}  // namespace hvis::worker

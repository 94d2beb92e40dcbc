#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "control/failure.h"
#include "control/json.h"

namespace hvis::control {

/// Longest result, all parts together.
inline constexpr size_t kMaxReplyBytes = size_t{4} * 1024 * 1024;

/// The packets that carry a result: one, or several with "more" of which each has a slice of the
/// result's list. A result that cannot be cut so, or is longer than kMaxReplyBytes, becomes an
/// error.
std::vector<std::string> result_packets(uint64_t id, const Json& result);

/// Always one packet: an over-long text is cut.
std::string failure_packet(uint64_t id, const Failure& failure);

}  // namespace hvis::control

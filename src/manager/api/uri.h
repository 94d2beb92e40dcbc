#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hvis::manager {

/// Names and values of a query, in their order.
using Query = std::vector<std::pair<std::string, std::string>>;

/// A request target, taken apart first and decoded then: an encoded slash stays inside its segment.
struct Target {
    /// More than any route has.
    static constexpr size_t kMaxSegments = 16;
    static constexpr size_t kMaxParameters = 32;

    std::vector<std::string> segments;  ///< "/a/b%2Fc" → "a", "b/c"
    Query query;
};

/// Reads an origin-form target. Nothing when an escape is broken, a piece is not UTF-8 or holds a
/// NUL, or there are too many of them.
std::optional<Target> parse_target(std::string_view target);

/// `text` as one segment of a path: everything but RFC 3986's unreserved characters is escaped.
std::string percent_encode(std::string_view text);

}  // namespace hvis::manager

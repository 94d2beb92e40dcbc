#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"

namespace hvis::control {

/// A JSON value. Only the .cc files that look inside one include <nlohmann/json.hpp>: it is heavy.
using Json = nlohmann::json;

/// Deepest nesting that parse_json accepts.
inline constexpr size_t kMaxJsonDepth = 32;

/// What is wrong in a JSON document, and where.
struct FieldError {
    std::string pointer;  ///< RFC 6901, "" for the whole document
    std::string message;  ///< "expected integer 1..64"

    /// "/vcpus: expected integer 1..64"
    [[nodiscard]] std::string to_string() const;
    bool operator==(const FieldError&) const = default;
};

/// Reads one JSON document. Refused, with one line that says what is wrong: text longer than
/// `max_size`, nesting deeper than kMaxJsonDepth, a key twice in one object, anything after the
/// document, text that is not UTF-8. Never throws. Any thread.
Result<std::shared_ptr<const Json>, FieldError> parse_json(std::string_view text, size_t max_size);

/// The JSON pointer of the member `name` (or the item with that number) of what `parent` points at.
std::string child_pointer(std::string_view parent, std::string_view name);

/// Compact text; bytes that are not UTF-8 become U+FFFD.
std::string dump_json(const Json& value);
/// The same, indented by two, for people.
std::string dump_json_indented(const Json& value);

}  // namespace hvis::control

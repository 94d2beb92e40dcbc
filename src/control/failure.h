#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "control/json.h"

namespace hvis::control {

/// Why a request was not done; the number is the exit status of the command line.
enum class ErrorCode : uint8_t {
    kFailed = 1,       ///< failed, refused or cancelled
    kUsage = 2,        ///< the request itself is wrong
    kNotFound = 3,     ///< no such key, service or request
    kTimedOut = 4,     ///< the deadline passed
    kUnavailable = 5,  ///< the service is disabled, or the guest is not connected to it
};

/// "failed", "usage", …
std::string_view to_string(ErrorCode code);
std::optional<ErrorCode> error_code_from(std::string_view text);
/// The exit status that stands for the code.
constexpr int exit_status(ErrorCode code) { return static_cast<int>(code); }

/// The "error" of a reply. Not called Error: it carries text and travels.
struct [[nodiscard]] Failure {
    ErrorCode code = ErrorCode::kFailed;
    std::string message;  ///< what went wrong, one line
    std::string hint;     ///< the next step for a person, or empty
    std::string pointer;  ///< JSON pointer of the bad field, or empty
    std::string outcome;  ///< word of ic::Outcome for a request to the guest, or empty
    std::optional<uint32_t> guest_status;  ///< HRESULT with which the guest refused

    bool operator==(const Failure&) const = default;
};

/// A failure without pointer, outcome and guest status.
Failure make_failure(ErrorCode code, std::string message, std::string hint = {});
/// A request whose field is wrong.
Failure usage_failure(const FieldError& error);

Json to_json(const Failure& failure);
/// Lenient: what the other side left out stays empty.
Failure failure_from_json(const Json& value);

}  // namespace hvis::control

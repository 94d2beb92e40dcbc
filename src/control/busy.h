#pragma once

#include <string>
#include <utility>

#include "control/failure.h"

namespace hvis::control {

inline constexpr std::string_view kBusy = "busy";
inline constexpr std::string_view kInProgress = "in_progress";

/// A bound is reached: nothing is wrong with the request, and later it will be taken.
inline Failure too_many(std::string message, std::string hint) {
    Failure failure = make_failure(ErrorCode::kFailed, std::move(message), std::move(hint));
    failure.outcome = kBusy;
    return failure;
}

/// Of this kind there is one at a time.
inline Failure already_in_progress(std::string message, std::string hint) {
    Failure failure = make_failure(ErrorCode::kFailed, std::move(message), std::move(hint));
    failure.outcome = kInProgress;
    return failure;
}

}  // namespace hvis::control

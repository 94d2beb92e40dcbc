#pragma once

#include <cstdint>

#include "base/result.h"

namespace hvis::ic {

/// Names one request to a guest for as long as its service object lives; never 0, never reused.
using RequestId = uint64_t;

/// Why a request was not taken at all; such a request has no id and no outcome.
inline constexpr Error kErrorDisabled{
    Errc::kState, "the service is disabled: enable it with 'hvis service enable'"};
inline constexpr Error kErrorNotConnected{
    Errc::kState, "the guest's half of the service is not connected: see 'hvis service list'"};
inline constexpr Error kErrorPaused{Errc::kState, "the VM is paused: resume it first"};
inline constexpr Error kErrorInProgress{Errc::kState,
                                        "a request of this kind is already in progress"};
inline constexpr Error kErrorTooMany{Errc::kLimit, "too many requests are waiting for this guest"};
inline constexpr Error kErrorNoSuchRequest{Errc::kNotFound, "there is no such request under way"};

}  // namespace hvis::ic

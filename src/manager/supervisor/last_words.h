#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/guid.h"
#include "base/result.h"
#include "control/failure.h"
#include "control/json.h"

namespace hvis::manager {

/// What a worker wrote when it ended: docs/control-protocol.md.
struct LastWords {
    enum class State : uint8_t { kStopped, kCrashed, kFailed };
    Guid run;
    State state = State::kFailed;
    std::string reason;
    std::optional<int> exit_status;
    std::vector<control::Json> events;  ///< all that the worker kept
    uint64_t next = 1;                  ///< the number that its next event would have had
};

/// Most bytes of the file: 4096 events, each as long as an event can be.
inline constexpr size_t kMaxLastWords = size_t{64} << 20U;

Result<LastWords, control::FieldError> parse_last_words(const control::Json& value);
/// nullopt where there are none.
Result<std::optional<LastWords>, control::Failure> read_last_words(const std::string& path);

}  // namespace hvis::manager

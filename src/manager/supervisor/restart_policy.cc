#include "manager/supervisor/restart_policy.h"

#include <algorithm>

namespace hvis::manager {

std::string_view state_after(Ending::Kind kind) {
    switch (kind) {
        case Ending::Kind::kStopped:
            return "stopped";
        case Ending::Kind::kCrashed:
            return "crashed";
        case Ending::Kind::kFailed:
        case Ending::Kind::kRefused:
            return "failed";
    }
    return "failed";
}

Duration restart_delay(const RestartPolicy& policy, uint32_t attempt) {
    auto delay = std::min(policy.first_delay, policy.longest_delay);
    for (uint32_t doubled = 1; doubled < attempt && delay < policy.longest_delay; ++doubled) {
        if (delay.count() == 0) {
            break;
        }
        delay = std::min(delay * 2, policy.longest_delay);
    }
    return delay;
}

Verdict judge(const RestartPolicy& policy, const Ending& ending, uint32_t attempts) {
    const bool wanted =
        (policy.when == RestartWhen::kAlways && ending.kind != Ending::Kind::kRefused) ||
        (policy.when == RestartWhen::kOnFailure && ending.kind == Ending::Kind::kFailed);
    if (!wanted) {
        return {};
    }
    if (ending.ran_for >= policy.forgive_after) {
        attempts = 0;
    }
    if (attempts >= policy.attempts) {
        return {.restart_in = {}, .attempts = attempts, .given_up = true};
    }
    return {.restart_in = restart_delay(policy, attempts + 1),
            .attempts = attempts + 1,
            .given_up = false};
}

}  // namespace hvis::manager

#pragma once

#include <optional>
#include <string>

#include "base/time.h"
#include "manager/definition/vm_definition.h"

namespace hvis::manager {

/// How a run of a worker ended.
struct Ending {
    enum class Kind : uint8_t {
        kStopped,  ///< the guest switched itself off, or was switched off
        kCrashed,  ///< the guest crashed, and on_crash says stop
        kFailed,   ///< the worker failed, was killed, or could not be started
        kRefused,  ///< the worker does not take its configuration, and never will; or there is none
    };
    Kind kind = Kind::kFailed;
    std::string why;
    Duration ran_for{};
};
/// "stopped", "crashed" or "failed": the state in which such an end leaves a VM.
std::string_view state_after(Ending::Kind kind);

/// What follows.
struct Verdict {
    std::optional<Duration> restart_in;  ///< none: the VM is left as it is
    uint32_t attempts = 0;               ///< restarts in a row, the one ordered here included
    bool given_up = false;               ///< it would be restarted, but was too often
};

/// Of a VM that was meant to run on. A guest that crashed stays as it is for whoever wants to look
/// at it, unless the policy says `always`: on_crash is what restarts it otherwise, in the worker.
/// A configuration that was refused is not tried again: somebody has to change it first.
Verdict judge(const RestartPolicy& policy, const Ending& ending, uint32_t attempts);
/// Time before attempt number `attempt` (1, 2, …).
Duration restart_delay(const RestartPolicy& policy, uint32_t attempt);

}  // namespace hvis::manager

#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "base/time.h"
#include "control/json.h"
#include "manager/definition/vm_definition.h"

namespace hvis::manager {

/// One line of a list: what is known without asking the worker.
struct VmSummary {
    VmDefinition definition;
    /// "stopped", "starting", "running", "paused", "stopping", "crashed", "failed" (the worker
    /// ended by itself and is not restarted), "unreachable" (it lives, but does not answer).
    std::string state;
    std::string explanation;  ///< why it is failed, unreachable or waits for a restart; or empty
    /// The worker's last status (docs/control-protocol.md), pushed by it when it changes; or null.
    std::shared_ptr<const control::Json> status;
    TimePoint status_at;  ///< when that came
    std::optional<WallTime> since;
    /// The guest's key/value service is there, and its pools have been given the held pairs: what
    /// they held before was the last guest's.
    bool pairs_settled = false;

    /// How long the guest has run by now: the worker does not push what only grows.
    [[nodiscard]] std::optional<std::chrono::milliseconds> uptime(TimePoint now) const;
};

}  // namespace hvis::manager

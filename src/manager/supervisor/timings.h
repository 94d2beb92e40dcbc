#pragma once

#include <chrono>

#include "base/time.h"

namespace hvis::manager {

/// Every patience of the supervisor. Tests shorten them.
struct Timings {
    /// A worker that lives opens its socket and says hello within this, or counts as unreachable.
    Duration greet = std::chrono::seconds(30);
    /// Between two attempts to connect while it has not.
    Duration reconnect = std::chrono::milliseconds(50);
    /// Between two attempts to connect to an unreachable one.
    Duration reconnect_slowly = std::chrono::seconds(1);
    /// A worker that has been silent for so long is asked whether it lives …
    Duration probe_every = std::chrono::seconds(10);
    /// … and is unreachable if it does not answer within this.
    Duration probe_answer = std::chrono::seconds(10);
    /// A start is given up (the worker is left alone) when the guest does not run by then.
    Duration start = std::chrono::seconds(60);
    /// How long a worker has for power_off before it is killed.
    Duration power_off = std::chrono::seconds(5);
    /// A power_off has failed when the worker is not gone by then, killed or not.
    Duration cut = std::chrono::seconds(15);
    /// How long the manager waits for a reply beyond the request's own timeout_ms.
    Duration reply_slack = std::chrono::seconds(5);
    /// A guest that could not be asked to shut down with the host is asked again after this, or as
    /// soon as something has changed.
    Duration ask_again = std::chrono::seconds(2);
    /// A service that was ticked is looked at after this, for what to tell the administrator.
    Duration service_note = std::chrono::seconds(5);
    /// Held pairs that a guest did not take are set again after this, then after twice as long, …
    Duration pair_retry = std::chrono::seconds(1);
    /// The event log, or the store, that refused is tried again after this.
    Duration retry_store = std::chrono::seconds(2);
};

}  // namespace hvis::manager

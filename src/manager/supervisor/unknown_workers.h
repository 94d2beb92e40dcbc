#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "base/guid.h"
#include "manager/events/event_log.h"

namespace hvis::manager {

/// A worker that lives for a VM that the database does not have: of a VM that was defined after the
/// backup that was put in the database's place.
struct UnknownWorker {
    Guid vm;
    std::string socket;        ///< where it listens, if it does
    std::string lock;          ///< what it holds, if it is a child
    std::optional<pid_t> pid;  ///< of whoever listens
    /// "VM 1b4e…, process 4711".
    [[nodiscard]] std::string text() const;
    /// The way to its end.
    [[nodiscard]] std::string hint() const;
};

/// Folders of the runtime directory that are looked at, and workers that are told of.
inline constexpr size_t kMaxRuntimeFolders = 20'000;
inline constexpr size_t kMaxUnknownWorkers = 1000;

/// Looks into RUNTIME/vms/ID for a lock that is held, or a control socket at which somebody
/// listens, of a VM that is not `known`. Does not wait for any worker.
std::vector<UnknownWorker> unknown_workers(const std::string& runtime_directory,
                                           const std::function<bool(const Guid& vm)>& known);
/// Says so of each in the log, and with an event.
void tell_unknown_workers(const std::vector<UnknownWorker>& workers, EventLog& events);

}  // namespace hvis::manager

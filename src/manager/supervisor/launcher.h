#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/guid.h"
#include "base/result.h"
#include "control/failure.h"
#include "manager/supervisor/vm_files.h"
#include "manager/supervisor/worker_process.h"

namespace hvis::manager {

using control::Failure;

/// The next step of an administrator whom a worker is in the way of.
inline std::string cut_power_hint(const std::string& vm_name) {
    return "cut its power: hvis stop " + vm_name + " --power-off";
}

/// How workers come to life: so that they outlive hvisd, leave no zombie, and never run twice for
/// one VM. Manager thread.
class Launcher {
public:
    /// What is to be run for which VM.
    struct Order {
        Guid vm;
        std::string vm_name;
        std::string program;  ///< path of hvis-vm
        VmFiles files;
    };
    using Launched = std::function<void(Result<WorkerProcess, Failure>)>;
    using Found = std::function<void(bool lives)>;

    Launcher() = default;
    Launcher(const Launcher&) = delete;
    Launcher& operator=(const Launcher&) = delete;
    virtual ~Launcher() = default;

    /// Starts a worker on `order.files.config`; calls back, perhaps from within, when its program
    /// runs. Refuses where one still runs for this VM.
    virtual void launch(const Order& order, Launched launched) = 0;
    /// Tells whether a worker of this VM, of whichever life of hvisd, still runs.
    virtual void find(const Order& order, Found found) = 0;
    /// Ends the worker and what it started, at once.
    virtual void kill(const Order& order, const WorkerProcess* process) = 0;
};

}  // namespace hvis::manager

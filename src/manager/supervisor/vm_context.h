#pragma once

#include <functional>

#include "loop/loop.h"
#include "manager/events/event_log.h"
#include "manager/store/store.h"
#include "manager/supervisor/launcher.h"
#include "manager/supervisor/supervisor.h"
#include "manager/supervisor/timings.h"

namespace hvis::manager {

/// What all VMs of one supervisor share; outlives them.
struct VmContext {
    loop::Loop& loop;
    Store& store;
    EventLog& log;
    Launcher& launcher;
    SupervisorConfig config;
    /// The summary of a VM has changed.
    std::function<void(const Guid& vm)> changed;
};

}  // namespace hvis::manager

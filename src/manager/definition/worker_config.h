#pragma once

#include <string>
#include <vector>

#include "control/json.h"
#include "control/kvp_limits.h"
#include "control/results.h"
#include "manager/definition/vm_definition.h"

namespace hvis::manager {

using control::kMaxHeldPairs;

/// Files through which a worker is reached and leaves word; absolute.
struct WorkerPaths {
    std::string control;        ///< control socket
    std::string serial_socket;  ///< serial console
    std::string last_words;     ///< what the worker writes when it ends
};

/// Pairs of the pools of the host.
struct HostPairs {
    std::vector<control::KvpPair> external;
    std::vector<control::KvpPair> parameters;
};

/// The configuration file with which hvis-vm runs the VM: hvis-vm(1).
control::Json worker_config(const VmDefinition& definition, const HostPairs& pairs,
                            const WorkerPaths& paths);

}  // namespace hvis::manager

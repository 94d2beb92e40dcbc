#pragma once

#include <optional>
#include <vector>

#include "base/result.h"
#include "kvm/capabilities.h"

namespace hvis::kvm {

/// What this host's KVM can do for Hyper-V guests.
struct Probe {
    struct Finding {
        const Capability* capability;
        bool present;
    };
    std::vector<Finding> capabilities;
    /// Why no virtual processor with SynIC can be made; none: it can.
    std::optional<Error> processor_error;
};

/// Looks at /dev/kvm and makes one processor of one empty machine, which goes away again. Fails
/// when /dev/kvm cannot be opened.
Result<Probe> probe();

}  // namespace hvis::kvm

#pragma once

#include <cstdint>
#include <optional>

#include "kvm/machine.h"
#include "kvm/processors.h"

namespace hvis::kvm {

/// The guest's reference counter, which stands still while the partition is paused: TLFS "Partition
/// Reference Time" lets it run only while a virtual processor may. The time stamp counter stands
/// with it where KVM can do that, so that a guest never finds itself stuck for the length of the
/// pause. Loop thread.
class RunClock {
public:
    /// 100 ns units.
    [[nodiscard]] uint64_t reference_time(const Machine& machine) const;
    void stop(const Machine& machine);
    void go_on(const Machine& machine, Processors& processors);

private:
    struct Stopped {
        uint64_t nanoseconds;
        uint64_t tsc;
    };
    std::optional<Stopped> stopped_;
};

}  // namespace hvis::kvm

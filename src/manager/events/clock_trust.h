#pragma once

#include <chrono>
#include <optional>

#include "base/time.h"

namespace hvis::manager {

/// Whether the age of an event may be judged by the wall clock. A host whose clock leaps a year
/// ahead must not delete its whole log: only after the two clocks have gone together for a while
/// are ages believed. Sans-IO.
class ClockTrust {
public:
    /// The clocks must agree for so long, also after the start.
    static constexpr Duration kProbation = std::chrono::hours(1);
    /// A greater difference between two looks is a leap; NTP slews by less.
    static constexpr Duration kLeap = std::chrono::minutes(1);

    explicit ClockTrust(Duration probation = kProbation) : probation_(probation) {}

    /// Looks at both clocks; true if ages may be judged now.
    bool observe(TimePoint now, WallTime wall) {
        // From 1970, because nanoseconds from 1601 would not fit.
        const Ticks since_unix(static_cast<int64_t>(wall.ticks) - kUnixEpochInTicks);
        const Duration offset =
            std::chrono::duration_cast<Duration>(since_unix) - now.time_since_epoch();
        const bool leapt = offset_ && (offset > *offset_ + kLeap || offset < *offset_ - kLeap);
        if (!offset_ || leapt) {
            trusted_from_ = now + probation_;
        }
        offset_ = offset;
        return now >= trusted_from_;
    }

private:
    Duration probation_;
    std::optional<Duration> offset_;
    TimePoint trusted_from_;
};

}  // namespace hvis::manager

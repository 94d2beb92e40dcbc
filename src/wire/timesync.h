#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "base/result.h"
#include "wire/ic.h"

namespace hvis::wire {

/// From this version on a sample carries the guest's reference time. Linux: TS_VERSION.
inline constexpr IcVersion kTimeSyncReferenceVersion{4, 0};

/// Linux: ICTIMESYNCFLAG_*. A sample without either bit is a probe.
inline constexpr uint8_t kTimeSyncSync = 1;
inline constexpr uint8_t kTimeSyncSample = 2;

/// Body of versions 1.0 and 3.0. Linux: struct ictimesync_data (25 bytes of these 28).
inline constexpr size_t kTimeSyncBodySize = 28;
/// Body of version 4.0. Linux: struct ictimesync_ref_data (22 bytes of these 24).
inline constexpr size_t kTimeSyncReferenceBodySize = 24;

/// One sample of the host's clock, both directions. Times are 100 ns units since 1601 UTC.
struct TimeSample {
    uint64_t parent_time = 0;
    uint64_t reference_time = 0;  ///< 4.0 only: the guest's reference counter at `parent_time`
    uint64_t child_time = 0;      ///< 1.0 and 3.0 only: the guest's clock, where it fills it in
    uint64_t round_trip = 0;      ///< 1.0 and 3.0 only, 100 ns units
    uint8_t flags = 0;
    uint8_t leap = 0;     ///< 4.0 only, as in NTP
    uint8_t stratum = 0;  ///< 4.0 only, as in NTP
    bool operator==(const TimeSample&) const = default;
};

/// `version` decides the layout.
Bytes format_time_sample(const TimeSample& sample, IcVersion version);
Result<TimeSample> parse_time_sample(ByteView body, IcVersion version);

}  // namespace hvis::wire

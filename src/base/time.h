#pragma once

#include <chrono>
#include <cstdint>

namespace hvis {

/// Monotonic host time; deadlines and intervals. Sans-IO code is handed it, never asks for it.
using TimePoint = std::chrono::steady_clock::time_point;
using Duration = std::chrono::steady_clock::duration;

/// 100 ns units, the granularity of every Hyper-V time value.
using Ticks = std::chrono::duration<int64_t, std::ratio<1, 10'000'000>>;

/// 100 ns units from 1601-01-01 (the Windows epoch) to 1970-01-01 (the Unix epoch).
inline constexpr int64_t kUnixEpochInTicks = 116'444'736'000'000'000;

/// Wall-clock time as Hyper-V carries it: 100 ns units since 1601-01-01 UTC.
struct WallTime {
    uint64_t ticks = 0;

    static WallTime from_system(std::chrono::system_clock::time_point time) {
        const auto since_unix = std::chrono::duration_cast<Ticks>(time.time_since_epoch());
        return {static_cast<uint64_t>(since_unix.count() + kUnixEpochInTicks)};
    }
    auto operator<=>(const WallTime&) const = default;
};

/// The clocks of one moment, read together by whoever owns them and handed to sans-IO code.
struct Clocks {
    TimePoint now;           ///< host monotonic time
    WallTime wall;           ///< host wall-clock time
    uint64_t reference = 0;  ///< the guest's partition reference counter, 100 ns units
};

}  // namespace hvis

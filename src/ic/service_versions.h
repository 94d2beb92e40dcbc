#pragma once

#include <array>

#include "ic/status.h"

namespace hvis::ic {

/// The message versions that the host half of each service speaks, oldest first. A cap
/// (HostSession) is one of these.

/// Linux: hb_versions in hv_util.c.
inline constexpr std::array<Version, 2> kHeartbeatVersions = {{{1, 0}, {3, 0}}};
/// Linux: sd_versions in hv_util.c.
inline constexpr std::array<Version, 4> kShutdownVersions = {{{1, 0}, {3, 0}, {3, 1}, {3, 2}}};
/// Linux: ts_versions in hv_util.c.
inline constexpr std::array<Version, 3> kTimeSyncVersions = {{{1, 0}, {3, 0}, {4, 0}}};
/// Linux: kvp_versions in hv_kvp.c has 4.0 and 3.0; Windows guests choose 5.0.
inline constexpr std::array<Version, 3> kKvpVersions = {{{3, 0}, {4, 0}, {5, 0}}};

}  // namespace hvis::ic

#pragma once

#include <array>
#include <span>
#include <string_view>
#include <utility>

#include "control/commands.h"

namespace hvis::control {

/// Versions of each service's messages that may be named as the newest, the oldest first: what a
/// worker speaks, which a test compares with this.
inline constexpr std::array<std::string_view, 2> kHeartbeatVersionWords = {"1.0", "3.0"};
inline constexpr std::array<std::string_view, 4> kShutdownVersionWords = {"1.0", "3.0", "3.1",
                                                                          "3.2"};
inline constexpr std::array<std::string_view, 3> kTimeSyncVersionWords = {"1.0", "3.0", "4.0"};
inline constexpr std::array<std::string_view, 3> kKvpVersionWords = {"3.0", "4.0", "5.0"};

constexpr std::span<const std::string_view> version_words(Service service) {
    switch (service) {
        case Service::kHeartbeat:
            return kHeartbeatVersionWords;
        case Service::kShutdown:
            return kShutdownVersionWords;
        case Service::kTimesync:
            return kTimeSyncVersionWords;
        case Service::kKvp:
            return kKvpVersionWords;
    }
    std::unreachable();
}

}  // namespace hvis::control

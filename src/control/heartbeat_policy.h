#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include "control/field_reader.h"

namespace hvis::control {

/// What is done to a machine whose heartbeat is lost.
enum class OnLoss : uint8_t { kNone, kReset, kPowerOff };
inline constexpr std::array<std::string_view, 3> kOnLossWords = {"none", "reset", "power_off"};

/// When a machine counts as lost, and what then. The same in the configuration and in requests.
struct HeartbeatPolicy {
    std::chrono::milliseconds interval{2000};  ///< between two beats
    std::chrono::milliseconds latency{1000};   ///< an answer later than this is a miss
    uint32_t misses = 2;                       ///< lost when so many …
    uint32_t window = 3;                       ///< … of the last so many beats were missed
    std::chrono::milliseconds grace{30000};    ///< no verdict after start, resume and enable
    OnLoss on_loss = OnLoss::kNone;
    uint32_t attempts = 3;  ///< how often on_loss is carried out

    bool operator==(const HeartbeatPolicy&) const = default;
};

/// The fields of a policy that somebody wants to change.
struct HeartbeatPolicyChange {
    std::optional<std::chrono::milliseconds> interval;
    std::optional<std::chrono::milliseconds> latency;
    std::optional<uint32_t> misses;
    std::optional<uint32_t> window;
    std::optional<std::chrono::milliseconds> grace;
    std::optional<OnLoss> on_loss;
    std::optional<uint32_t> attempts;

    bool operator==(const HeartbeatPolicyChange&) const = default;

    /// `policy` with the change made. If that leaves the window below the misses, the one that was
    /// not given follows the one that was.
    [[nodiscard]] HeartbeatPolicy applied_to(HeartbeatPolicy policy) const;
};

/// Takes the fields of a policy that the object has; complains through the reader.
HeartbeatPolicyChange read_policy_change(FieldReader& reader);
Json to_json(const HeartbeatPolicyChange& change);
Json to_json(const HeartbeatPolicy& policy);

}  // namespace hvis::control

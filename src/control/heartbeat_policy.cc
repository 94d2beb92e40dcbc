#include "control/heartbeat_policy.h"

#include <utility>

#include <nlohmann/json.hpp>

namespace hvis::control {
namespace {

constexpr Bounds kInterval{.lowest = 100, .highest = 3'600'000};
constexpr Bounds kLatency{.lowest = 1, .highest = 3'600'000};
constexpr Bounds kBeats{.lowest = 1, .highest = 100};
constexpr Bounds kGrace{.lowest = 0, .highest = 3'600'000};
constexpr Bounds kAttempts{.lowest = 0, .highest = 100};

}  // namespace

HeartbeatPolicy HeartbeatPolicyChange::applied_to(HeartbeatPolicy policy) const {
    policy.interval = interval.value_or(policy.interval);
    policy.latency = latency.value_or(policy.latency);
    policy.misses = misses.value_or(policy.misses);
    policy.window = window.value_or(policy.window);
    policy.grace = grace.value_or(policy.grace);
    policy.on_loss = on_loss.value_or(policy.on_loss);
    policy.attempts = attempts.value_or(policy.attempts);
    if (policy.window < policy.misses) {
        // Only one of the two was given: the given one stands, the other follows.
        (window ? policy.misses : policy.window) = window ? policy.window : policy.misses;
    }
    return policy;
}

HeartbeatPolicyChange read_policy_change(FieldReader& reader) {
    HeartbeatPolicyChange change;
    const auto duration = [&](std::string_view name, Bounds bounds) {
        const auto value = reader.integer(name, bounds);
        return value ? std::optional(std::chrono::milliseconds(*value)) : std::nullopt;
    };
    const auto count = [&](std::string_view name, Bounds bounds) {
        const auto value = reader.integer(name, bounds);
        return value ? std::optional(static_cast<uint32_t>(*value)) : std::nullopt;
    };
    change.interval = duration("interval_ms", kInterval);
    change.latency = duration("latency_ms", kLatency);
    change.misses = count("misses", kBeats);
    change.window = count("window", kBeats);
    change.grace = duration("grace_ms", kGrace);
    if (const auto word = reader.choice("on_loss", kOnLossWords)) {
        change.on_loss = static_cast<OnLoss>(*word);
    }
    change.attempts = count("attempts", kAttempts);
    if (change.misses && change.window && *change.window < *change.misses) {
        reader.complain("window",
                        "must not be below misses (" + std::to_string(*change.misses) + ")");
    }
    return change;
}

Json to_json(const HeartbeatPolicyChange& change) {
    Json value = Json::object();
    const auto put = [&](const char* name, const auto& field) {
        if (field) {
            value[name] = *field;
        }
    };
    const auto put_duration = [&](const char* name, const auto& field) {
        if (field) {
            value[name] = field->count();
        }
    };
    put_duration("interval_ms", change.interval);
    put_duration("latency_ms", change.latency);
    put("misses", change.misses);
    put("window", change.window);
    put_duration("grace_ms", change.grace);
    if (change.on_loss) {
        value["on_loss"] = kOnLossWords[std::to_underlying(*change.on_loss)];
    }
    put("attempts", change.attempts);
    return value;
}

Json to_json(const HeartbeatPolicy& policy) {
    return {{"interval_ms", policy.interval.count()},
            {"latency_ms", policy.latency.count()},
            {"misses", policy.misses},
            {"window", policy.window},
            {"grace_ms", policy.grace.count()},
            {"on_loss", kOnLossWords[std::to_underlying(policy.on_loss)]},
            {"attempts", policy.attempts}};
}

}  // namespace hvis::control

#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace hvis::loopback {

/// What is wrong with a guest.
enum class GuestFault : uint8_t {
    kNone,
    kHungHeartbeat,  ///< heartbeats are read and not answered
    kDies,           ///< hangs up without a word once its services are connected
    kCrashes,        ///< reports a crash once its services are connected, and does nothing more
    kVandal,         ///< a Vandal is at work from the start
    kWrongClock,     ///< its clock is an hour fast, and nobody can set it
};
inline constexpr std::array<std::string_view, 6> kGuestFaultWords = {
    "none", "hung-heartbeat", "dies", "crashes", "vandal", "wrong-clock"};

constexpr std::optional<GuestFault> guest_fault_from(std::string_view word) {
    for (size_t index = 0; index < kGuestFaultWords.size(); ++index) {
        if (kGuestFaultWords[index] == word) {
            return static_cast<GuestFault>(index);
        }
    }
    return std::nullopt;
}

}  // namespace hvis::loopback

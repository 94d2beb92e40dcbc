#pragma once

#include <chrono>

namespace hvis::guests {

using Clock = std::chrono::steady_clock;

/// How long to wait before something counts as not happening. The lab is an emulated machine that
/// shares its processors: these only end a test that has failed already, none measures anything.
inline constexpr auto kBootPatience = std::chrono::seconds(180);
inline constexpr auto kCommandPatience = std::chrono::seconds(120);
inline constexpr auto kReplyPatience = std::chrono::seconds(90);
inline constexpr auto kEventPatience = std::chrono::seconds(120);
inline constexpr auto kExitPatience = std::chrono::seconds(120);
/// Between two looks at something that tells nobody when it changes.
inline constexpr auto kLookInterval = std::chrono::milliseconds(200);

}  // namespace hvis::guests

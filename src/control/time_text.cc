#include "control/time_text.h"

#include <array>
#include <cstdio>
#include <ctime>

namespace hvis::control {

std::string time_text(WallTime time) {
    constexpr auto kEpoch = static_cast<uint64_t>(kUnixEpochInTicks);
    const uint64_t milliseconds = time.ticks > kEpoch ? (time.ticks - kEpoch) / 10'000 : 0;
    const auto seconds = static_cast<std::time_t>(milliseconds / 1000);
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    // Room for every int, so that no year is ever cut off.
    std::array<char, 96> text{};
    const int length =
        std::snprintf(text.data(), text.size(), "%04d-%02d-%02dT%02d:%02d:%02d.%03uZ",
                      parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour,
                      parts.tm_min, parts.tm_sec, static_cast<unsigned>(milliseconds % 1000));
    return {text.data(), static_cast<size_t>(length)};
}

}  // namespace hvis::control

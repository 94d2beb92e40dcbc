#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>

#include "base/time.h"

namespace hvis::loopback {

/// How often and when a message for which the host had no buffer is posted again. Linux:
/// vmbus_post_msg in connection.c.
class PostBackoff {
public:
    /// Pauses before a message is posted again: doubled each time, up to the last.
    static constexpr Duration kFirstPause = std::chrono::milliseconds(1);
    static constexpr Duration kLongestPause = std::chrono::milliseconds(256);
    /// Tries in all, after which the message is lost.
    static constexpr uint32_t kMaxTries = 100;

    /// The host had no buffer: how long to wait, or nothing if it is to be given up.
    std::optional<Duration> refused() {
        if (++tries_ >= kMaxTries) {
            over();
            return std::nullopt;
        }
        return std::exchange(pause_, std::min(pause_ * 2, kLongestPause));
    }
    /// The next message begins anew.
    void over() {
        tries_ = 0;
        pause_ = kFirstPause;
    }

private:
    uint32_t tries_ = 0;
    Duration pause_ = kFirstPause;
};

}  // namespace hvis::loopback

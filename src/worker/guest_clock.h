#pragma once

#include <atomic>
#include <optional>

#include "base/time.h"

namespace hvis::worker {

/// Host time less the time in which the machine was paused: what counters that a guest reads go by.
/// Loop thread, but for at(), which the virtual processors call; none of them runs in between
/// stop() and go_on().
class GuestClock {
public:
    [[nodiscard]] TimePoint at(TimePoint host_now) const {
        return host_now - Duration(paused_for_.load(std::memory_order_relaxed));
    }
    /// The machine was paused; the second time counts for nothing.
    void stop(TimePoint host_now) {
        if (!stopped_at_) {
            stopped_at_ = host_now;
        }
    }
    /// It runs again, or has been started anew. Nothing to do if it was not paused.
    void go_on(TimePoint host_now) {
        if (stopped_at_) {
            paused_for_.fetch_add((host_now - *stopped_at_).count(), std::memory_order_relaxed);
            stopped_at_.reset();
        }
    }

private:
    std::atomic<Duration::rep> paused_for_{0};
    std::optional<TimePoint> stopped_at_;
};

}  // namespace hvis::worker

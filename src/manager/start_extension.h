#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

#include "base/time.h"

namespace hvis::manager {

/// For as long as this lives, systemd is asked to wait on for a start that takes its time: the
/// check of a large database, above all. Has an end, so that a start that hangs is noticed.
class StartExtension {
public:
    static constexpr Duration kEvery = std::chrono::seconds(10);
    /// Asked for each time: what is left when nobody asks any more.
    static constexpr Duration kStep = std::chrono::seconds(30);
    static constexpr Duration kLongest = std::chrono::minutes(30);

    explicit StartExtension(Duration every = kEvery, Duration longest = kLongest);
    ~StartExtension();
    StartExtension(const StartExtension&) = delete;
    StartExtension& operator=(const StartExtension&) = delete;

private:
    void run(Duration every, TimePoint until);

    std::mutex mutex_;
    std::condition_variable changed_;
    bool over_ = false;  ///< guarded by mutex_
    std::thread thread_;
};

}  // namespace hvis::manager

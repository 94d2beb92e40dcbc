#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "base/unique_fd.h"

namespace hvis::loop {

/// One epoll loop on one thread: file descriptors, timers, and work posted by other threads.
///
/// Everything but post() and stop() belongs to the loop's thread. Callbacks may add and remove
/// anything, themselves included.
class Loop {
public:
    /// Work that other threads may have waiting; past it post() says no.
    static constexpr size_t kMaxPosted = 4096;

    using FdCallback = std::function<void(uint32_t events)>;
    using Callback = std::function<void()>;
    /// Names one armed timer; 0 is never used.
    using TimerId = uint64_t;

    static Result<std::unique_ptr<Loop>> create();
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;
    ~Loop();

    /// Calls back with EPOLLIN/EPOLLOUT/… while `fd`, which the caller keeps open, is ready.
    Result<void> watch(int fd, uint32_t events, FdCallback callback);
    Result<void> change(int fd, uint32_t events);
    void unwatch(int fd);

    /// Calls back once, at or after `deadline`.
    TimerId add_timer(TimePoint deadline, Callback callback);
    void cancel_timer(TimerId id);

    /// Any thread. False when kMaxPosted callbacks are waiting already.
    bool post(Callback callback);

    /// Until stop().
    void run();
    /// One round: waits for at most `limit`, runs what is due.
    void run_once(Duration limit);
    /// Any thread; also safe in a signal handler.
    void stop();

    [[nodiscard]] static TimePoint now() { return std::chrono::steady_clock::now(); }

private:
    Loop(UniqueFd epoll, UniqueFd wake);
    void wake() const;
    void run_posted();
    void run_timers();
    [[nodiscard]] int wait_ms(Duration limit) const;

    struct Watch {
        uint64_t generation;
        std::shared_ptr<FdCallback> callback;
    };

    UniqueFd epoll_;
    UniqueFd wake_;
    std::unordered_map<int, Watch> watches_;
    uint64_t next_generation_ = 1;
    std::map<std::pair<TimePoint, TimerId>, Callback> timers_;
    std::unordered_map<TimerId, TimePoint> timer_deadlines_;
    TimerId next_timer_ = 1;
    std::mutex posted_mutex_;  // guards posted_ and nothing else; held for a push or a swap
    std::deque<Callback> posted_;
    std::atomic<bool> stopping_{false};
};

}  // namespace hvis::loop

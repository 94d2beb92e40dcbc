#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "loop/loop.h"

namespace hvis::manager {

/// Work that reads and writes files for so long that the manager thread must not do it: copies of
/// images, backups. A few threads of their own.
class Background {
public:
    static constexpr size_t kThreads = 2;
    /// Jobs that wait or run; past it run() refuses.
    static constexpr size_t kMaxJobs = 16;

    /// Set when the job is to end early: it was cancelled, or hvisd ends.
    using Cancelled = std::shared_ptr<std::atomic<bool>>;
    using Job = std::function<void(const std::atomic<bool>& cancelled)>;

    /// `loop` must outlive it.
    explicit Background(loop::Loop& loop);
    /// Cancels all jobs and joins the threads.
    ~Background();
    Background(const Background&) = delete;
    Background& operator=(const Background&) = delete;

    /// Manager thread. Runs `job` on one of the threads, then `done` on the manager thread. Nothing
    /// when there are too many.
    Cancelled run(Job job, std::function<void()> done);
    /// Called by jobs: runs `work` on the manager thread, in order; dropped once hvisd ends.
    void to_manager(std::function<void()> work);

private:
    struct Entry {
        Job job;
        std::function<void()> done;
        Cancelled cancelled;
    };
    void work();
    void drain();

    loop::Loop& loop_;
    std::mutex mutex_;  // guards everything below; held for a push or a pop
    std::condition_variable wake_;
    std::deque<Entry> waiting_;
    std::vector<Cancelled> all_;
    std::deque<std::function<void()>> results_;
    bool stopping_ = false;
    size_t jobs_ = 0;
    /// Expires with this, so that what was posted late does nothing.
    std::shared_ptr<int> alive_ = std::make_shared<int>(0);
    std::vector<std::thread> threads_;
};

}  // namespace hvis::manager

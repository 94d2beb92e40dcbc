#include "manager/api/background.h"

#include <algorithm>

namespace hvis::manager {

Background::Background(loop::Loop& loop) : loop_(loop) {
    for (size_t count = 0; count < kThreads; ++count) {
        threads_.emplace_back([this] { work(); });
    }
}

Background::~Background() {
    {
        const std::scoped_lock lock(mutex_);
        stopping_ = true;
        for (const Cancelled& cancelled : all_) {
            cancelled->store(true);
        }
        waiting_.clear();
    }
    wake_.notify_all();
    for (std::thread& thread : threads_) {
        thread.join();
    }
}

Background::Cancelled Background::run(Job job, std::function<void()> done) {
    auto cancelled = std::make_shared<std::atomic<bool>>(false);
    {
        const std::scoped_lock lock(mutex_);
        if (jobs_ == kMaxJobs) {
            return nullptr;
        }
        ++jobs_;
        all_.push_back(cancelled);
        waiting_.push_back(
            {.job = std::move(job), .done = std::move(done), .cancelled = cancelled});
    }
    wake_.notify_one();
    return cancelled;
}

void Background::to_manager(std::function<void()> work) {
    {
        const std::scoped_lock lock(mutex_);
        results_.push_back(std::move(work));
    }
    // A manager that has too much to do is tried again by whoever comes next; done() of the last
    // job waits for it.
    [[maybe_unused]] const bool posted = loop_.post([this, weak = std::weak_ptr(alive_)] {
        if (const auto held = weak.lock()) {
            drain();
        }
    });
}

void Background::drain() {
    while (true) {
        std::function<void()> next;
        {
            const std::scoped_lock lock(mutex_);
            if (results_.empty()) {
                return;
            }
            next = std::move(results_.front());
            results_.pop_front();
        }
        next();
    }
}

void Background::work() {
    constexpr auto kAgain = std::chrono::milliseconds(10);
    std::unique_lock lock(mutex_);
    while (true) {
        wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
        if (stopping_) {
            return;
        }
        Entry entry = std::move(waiting_.front());
        waiting_.pop_front();
        lock.unlock();
        entry.job(*entry.cancelled);
        entry.job = nullptr;
        lock.lock();
        --jobs_;
        std::erase(all_, entry.cancelled);
        results_.push_back(std::move(entry.done));
        while (!stopping_ && !loop_.post([this, weak = std::weak_ptr(alive_)] {
            if (const auto held = weak.lock()) {
                drain();
            }
        })) {
            wake_.wait_for(lock, kAgain);
        }
    }
}

}  // namespace hvis::manager

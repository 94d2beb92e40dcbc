#include "loop/loop.h"

#include <algorithm>
#include <array>
#include <utility>

#include <sys/epoll.h>
#include <sys/eventfd.h>

namespace hvis::loop {
namespace {

/// Only the lower half of a generation: two that differ by a multiple of 2^32 are never there at
/// the same time.
uint64_t data_of(uint64_t generation, int fd) {
    return (generation << 32U) | static_cast<uint32_t>(fd);
}

}  // namespace

Result<std::unique_ptr<Loop>> Loop::create() {
    UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
    if (!epoll) {
        return fail_errno("epoll_create1");
    }
    UniqueFd wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!wake) {
        return fail_errno("eventfd");
    }
    epoll_event event{.events = EPOLLIN, .data = {.u64 = 0}};
    if (::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, wake.get(), &event) != 0) {
        return fail_errno("epoll_ctl");
    }
    return std::unique_ptr<Loop>(new Loop(std::move(epoll), std::move(wake)));
}

Loop::Loop(UniqueFd epoll, UniqueFd wake) : epoll_(std::move(epoll)), wake_(std::move(wake)) {}

Loop::~Loop() = default;

// The generation in the epoll data keeps an event that was already fetched for a removed watch from
// reaching a new watch on a descriptor with the same number.
Result<void> Loop::watch(int fd, uint32_t events, FdCallback callback) {
    const uint64_t generation = next_generation_++;
    if (static_cast<uint32_t>(next_generation_) == 0) {
        ++next_generation_;  // with descriptor 0 that would be wake_
    }
    epoll_event event{.events = events, .data = {.u64 = data_of(generation, fd)}};
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
        return fail_errno("epoll_ctl add");
    }
    watches_[fd] = {generation, std::make_shared<FdCallback>(std::move(callback))};
    return {};
}

Result<void> Loop::change(int fd, uint32_t events) {
    const auto watch = watches_.find(fd);
    if (watch == watches_.end()) {
        return fail(Errc::kNotFound, "descriptor is not watched");
    }
    epoll_event event{.events = events, .data = {.u64 = data_of(watch->second.generation, fd)}};
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event) != 0) {
        return fail_errno("epoll_ctl mod");
    }
    return {};
}

void Loop::unwatch(int fd) {
    if (watches_.erase(fd) != 0) {
        ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
    }
}

Loop::TimerId Loop::add_timer(TimePoint deadline, Callback callback) {
    const TimerId id = next_timer_++;
    timers_.emplace(std::pair(deadline, id), std::move(callback));
    timer_deadlines_.emplace(id, deadline);
    return id;
}

void Loop::cancel_timer(TimerId id) {
    const auto found = timer_deadlines_.find(id);
    if (found == timer_deadlines_.end()) {
        return;
    }
    timers_.erase({found->second, id});
    timer_deadlines_.erase(found);
}

bool Loop::post(Callback callback) {
    {
        const std::scoped_lock lock(posted_mutex_);
        if (posted_.size() >= kMaxPosted) {
            return false;
        }
        posted_.push_back(std::move(callback));
    }
    wake();
    return true;
}

void Loop::stop() {
    stopping_.store(true);
    wake();
}

void Loop::wake() const {
    const uint64_t one = 1;
    // The only failure is a full counter, and then the loop is awake already.
    [[maybe_unused]] const ssize_t written = ::write(wake_.get(), &one, sizeof(one));
}

void Loop::run() {
    while (!stopping_.load()) {
        run_once(std::chrono::hours(1));
    }
}

int Loop::wait_ms(Duration limit) const {
    if (!timers_.empty()) {
        limit = std::min(limit, timers_.begin()->first.first - now());
    }
    const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(limit).count();
    return static_cast<int>(std::clamp<int64_t>(milliseconds, 0, 3'600'000));
}

void Loop::run_once(Duration limit) {
    std::array<epoll_event, 64> events{};
    const int count =
        ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), wait_ms(limit));
    for (int index = 0; index < count; ++index) {
        const auto& event = events[static_cast<size_t>(index)];
        if (event.data.u64 == 0) {
            uint64_t value = 0;
            [[maybe_unused]] const ssize_t got = ::read(wake_.get(), &value, sizeof(value));
            run_posted();
            continue;
        }
        const int fd = static_cast<int>(event.data.u64 & 0xffffffffU);
        const auto watch = watches_.find(fd);
        if (watch == watches_.end() || data_of(watch->second.generation, fd) != event.data.u64) {
            continue;
        }
        const auto callback = watch->second.callback;  // lives on if the callback unwatches itself
        (*callback)(event.events);
    }
    run_timers();
}

void Loop::run_posted() {
    std::deque<Callback> work;
    {
        const std::scoped_lock lock(posted_mutex_);
        work.swap(posted_);
    }
    for (auto& callback : work) {
        callback();
    }
}

void Loop::run_timers() {
    const TimePoint due = now();
    // Only those that are there now: one that arms itself anew for a moment that has passed would
    // keep everything else from its turn.
    std::vector<std::pair<TimePoint, TimerId>> keys;
    for (const auto& [key, callback] : timers_) {
        if (key.first > due) {
            break;
        }
        keys.push_back(key);
    }
    for (const auto& key : keys) {
        auto node = timers_.extract(key);
        if (!node.empty()) {  // else an earlier one has cancelled it
            timer_deadlines_.erase(key.second);
            node.mapped()();
        }
    }
}

}  // namespace hvis::loop

#include "manager/supervisor/host_order.h"

#include <algorithm>
#include <map>
#include <utility>

namespace hvis::manager {

HostOrder::HostOrder(loop::Loop& loop, std::vector<Item> items, Direction direction, Work work,
                     std::function<void()> done)
    : loop_(loop), work_(std::move(work)), done_(std::move(done)) {
    std::map<uint32_t, std::vector<Item>> by_order;
    for (const Item& item : items) {
        by_order[item.order].push_back(item);
    }
    for (auto& [order, group] : by_order) {
        std::ranges::reverse(group);
        groups_.push_back(std::move(group));
    }
    if (direction == Direction::kLowestFirst) {
        std::ranges::reverse(groups_);
    }
}

HostOrder::~HostOrder() { loop_.cancel_timer(timer_); }

void HostOrder::run() {
    timer_ = loop_.add_timer(loop::Loop::now(), [this] { next_group(); });
}

void HostOrder::next_group() {
    timer_ = 0;
    if (groups_.empty()) {
        const auto done = std::move(done_);
        done();
        return;
    }
    waiting_ = std::move(groups_.back());
    groups_.pop_back();
    delay_ = Duration();
    for (const Item& item : waiting_) {
        delay_ = std::max(delay_, item.delay);
    }
    feed();
}

void HostOrder::feed() {
    feeding_ = true;
    while (!waiting_.empty() && busy_ < kMaxAtOnce) {
        const Item item = waiting_.back();
        waiting_.pop_back();
        ++busy_;
        work_(item.vm, [this, token = std::weak_ptr(alive_)] {
            if (!token.expired()) {
                through();
            }
        });
    }
    feeding_ = false;
    if (busy_ == 0 && waiting_.empty()) {
        timer_ = loop_.add_timer(loop::Loop::now() + (groups_.empty() ? Duration() : delay_),
                                 [this] { next_group(); });
    }
}

void HostOrder::through() {
    --busy_;
    if (!feeding_) {
        feed();
    }
}

}  // namespace hvis::manager

#include "control/event_log.h"

#include <algorithm>

namespace hvis::control {

uint64_t EventLog::record(EventId id, EventFields fields, WallTime time) {
    for (auto& [name, value] : fields) {
        value.resize(std::min(value.size(), kMaxFieldBytes));
    }
    Event event{.sequence = next_++, .time = time, .id = id, .fields = std::move(fields)};
    log(log_level_of(spec_of(id).severity), event_service(event), event_text(event));
    events_.push_back(event);
    if (events_.size() > capacity_) {
        events_.pop_front();
    }
    // By number, because a subscriber may remove any other, or add one.
    for (auto next = subscribers_.begin(); next != subscribers_.end();) {
        const SubscriptionId current = next->first;
        const Subscriber subscriber = next->second;
        subscriber(event);
        next = subscribers_.upper_bound(current);
    }
    return event.sequence;
}

std::vector<Event> EventLog::since(uint64_t sequence, size_t limit) const {
    const auto first = std::ranges::lower_bound(events_, sequence, {}, &Event::sequence);
    const auto count = std::min(limit, static_cast<size_t>(events_.end() - first));
    return {first, first + static_cast<std::ptrdiff_t>(count)};
}

uint64_t EventLog::lost_since(uint64_t sequence) const {
    const uint64_t oldest = next_ - events_.size();
    const auto wanted = std::max<uint64_t>(sequence, 1);
    return wanted < oldest ? oldest - wanted : 0;
}

EventLog::SubscriptionId EventLog::subscribe(Subscriber subscriber) {
    subscribers_.emplace(next_subscription_, std::move(subscriber));
    return next_subscription_++;
}

void EventLog::unsubscribe(SubscriptionId id) { subscribers_.erase(id); }

}  // namespace hvis::control

#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <vector>

#include "control/events.h"

namespace hvis::control {

/// The worker's own memory of what happened: the newest events, numbered from 1, and whoever wants
/// to hear of new ones. Also writes each event to the log. Loop thread only.
class EventLog {
public:
    static constexpr size_t kCapacity = 4096;
    /// Longer values of fields are cut: the guest has a say in some.
    static constexpr size_t kMaxFieldBytes = 1024;

    using Subscriber = std::function<void(const Event&)>;
    using SubscriptionId = uint64_t;

    explicit EventLog(size_t capacity = kCapacity) : capacity_(capacity) {}
    EventLog(const EventLog&) = delete;
    EventLog& operator=(const EventLog&) = delete;

    /// Keeps the event (dropping the oldest if full), then tells the subscribers. Returns its
    /// sequence number.
    uint64_t record(EventId id, EventFields fields, WallTime time);

    /// Events with this sequence number and above, the oldest first, at most `limit`.
    [[nodiscard]] std::vector<Event> since(uint64_t sequence, size_t limit) const;
    /// The number that the next event will get.
    [[nodiscard]] uint64_t next_sequence() const { return next_; }
    /// How many events with this number and above are no longer kept.
    [[nodiscard]] uint64_t lost_since(uint64_t sequence) const;

    /// A subscriber may subscribe and unsubscribe, itself included, but must not record.
    SubscriptionId subscribe(Subscriber subscriber);
    void unsubscribe(SubscriptionId id);

private:
    size_t capacity_;
    std::deque<Event> events_;
    uint64_t next_ = 1;
    std::map<SubscriptionId, Subscriber> subscribers_;
    SubscriptionId next_subscription_ = 1;
};

}  // namespace hvis::control

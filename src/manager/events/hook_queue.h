#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "loop/loop.h"
#include "manager/events/event_log.h"
#include "manager/events/hook.h"
#include "manager/store/store.h"

namespace hvis::manager {

/// Hands the events of the log to one hook, in order, each at least once.
///
/// The log itself is the queue: only the hook's place in it is kept (in the store), so a receiver
/// that is dead for a week costs no memory and harms nobody; what the log no longer has by then is
/// missed, and said so. Manager thread.
class HookQueue {
public:
    /// Between two tries of one event; doubles from the first to the longest.
    static constexpr Duration kFirstDelay = std::chrono::seconds(1);
    static constexpr Duration kLongestDelay = std::chrono::minutes(5);
    /// Events that are read from the log at once, and gone through in one turn of the loop.
    static constexpr uint32_t kBatch = 100;
    /// Events whose fate is remembered, to be asked about.
    static constexpr size_t kMaxRemembered = 1000;
    /// The place is saved after each delivery, and when so many events were none of the hook's.
    static constexpr uint64_t kSaveEvery = 1000;
    /// A hook says at most so often that it fails: its own complaint may be what makes another
    /// hook fail.
    static constexpr Duration kReportEvery = std::chrono::minutes(1);
    /// A failing receiver gets so many tries before anybody is told.
    static constexpr uint32_t kAttemptsBeforeReport = 3;

    /// All must outlive it. A hook that is new begins with the next event.
    HookQueue(std::string name, HookFilter filter, std::unique_ptr<Deliverer> deliverer,
              loop::Loop& loop, Store& store, EventLog& events,
              Duration report_every = kReportEvery);
    ~HookQueue();
    HookQueue(const HookQueue&) = delete;
    HookQueue& operator=(const HookQueue&) = delete;

    /// Reads where it left off.
    Result<void, Failure> begin();
    /// There are new events in the log.
    void poke();
    [[nodiscard]] Delivery delivery_of(const StoredEvent& event) const;
    [[nodiscard]] const std::string& name() const { return name_; }
    /// The number of the next event that it looks at.
    [[nodiscard]] uint64_t position() const { return position_; }

private:
    struct Fate {
        uint64_t sequence;
        Delivery delivery;
    };
    void step();
    bool refill();
    void skip_what_is_gone();
    void attempted(const Attempt& attempt);
    void passed(Delivery::State state);
    void save_position();
    void report_failing(const Attempt& attempt);
    void tell_failing();
    void report_working();
    void wait_until(TimePoint when);

    std::string name_;
    HookFilter filter_;
    std::unique_ptr<Deliverer> deliverer_;
    loop::Loop& loop_;
    Store& store_;
    EventLog& events_;
    Duration report_every_;
    uint64_t position_ = 1;
    std::deque<StoredEvent> batch_;
    bool under_way_ = false;
    loop::Loop::TimerId timer_ = 0;
    Delivery current_;  // of the front of the batch
    std::deque<Fate> fates_;
    uint64_t saved_ = 0;  // the position in the store
    bool told_ = false;   // that it fails, and not yet that it works again
    std::optional<TimePoint> reported_;
    control::EventFields untold_;  ///< the failure that report_timer_ is to tell
    loop::Loop::TimerId report_timer_ = 0;
};

}  // namespace hvis::manager

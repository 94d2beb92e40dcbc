#pragma once

#include <functional>

#include "base/guid.h"
#include "control/link.h"
#include "manager/events/event_log.h"
#include "manager/supervisor/timings.h"

namespace hvis::manager {

/// Takes the events of one worker into the host's log, each once and in order, from where the store
/// ends. What the log has no room for is fetched from the worker later. Manager thread.
class EventIntake {
public:
    /// Most events fetched with one request.
    static constexpr uint32_t kMaxFetched = 256;

    /// All must outlive it. Begins when the link has greeted.
    EventIntake(loop::Loop& loop, EventLog& log, EventLog::Subject vm, const Guid& run,
                const Timings& timings);
    EventIntake(const EventIntake&) = delete;
    EventIntake& operator=(const EventIntake&) = delete;
    ~EventIntake();

    /// Subscribes; `refused` is called where the worker will not have it.
    void begin(control::Link& link, std::function<void(const control::Failure&)> refused);
    /// One pushed event.
    void pushed(const control::Json& event);
    /// The number of the event that is to come next.
    [[nodiscard]] uint64_t expected() const { return expected_; }
    void rename(std::string name) { vm_.name = std::move(name); }

private:
    void fetch();
    void fetched(const control::Json& result);
    void fetch_later();
    /// False when the log has no room.
    bool take(const control::Json& event);

    loop::Loop& loop_;
    EventLog& log_;
    EventLog::Subject vm_;
    Guid run_;
    const Timings& timings_;
    control::Link* link_ = nullptr;
    uint64_t expected_ = 1;
    /// Pushed events are not looked at: those that are missing are fetched, and these with them.
    bool fetching_ = false;
    loop::Loop::TimerId timer_ = 0;
};

}  // namespace hvis::manager

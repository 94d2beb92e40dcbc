#pragma once

#include "control/event_log.h"
#include "loop/loop.h"
#include "worker/event_limit.h"

namespace hvis::worker {

/// Writes events of this moment to the log, as far as EventLimit lets them through, and says later
/// how many were not. Loop thread.
class EventRecorder {
public:
    /// Both must outlive the recorder.
    EventRecorder(loop::Loop& loop, control::EventLog& log) : loop_(loop), log_(log) {}
    ~EventRecorder() { loop_.cancel_timer(report_timer_); }
    EventRecorder(const EventRecorder&) = delete;
    EventRecorder& operator=(const EventRecorder&) = delete;

    void record(control::EventId id, control::EventFields fields = {});
    /// Tells what was suppressed now: before the worker ends.
    void report();

private:
    void write(control::EventId id, control::EventFields fields);

    loop::Loop& loop_;
    control::EventLog& log_;
    EventLimit limit_;
    loop::Loop::TimerId report_timer_ = 0;
};

}  // namespace hvis::worker

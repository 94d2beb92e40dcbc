#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/guid.h"
#include "control/link.h"
#include "manager/events/event_log.h"
#include "manager/supervisor/event_intake.h"
#include "manager/supervisor/timings.h"

namespace hvis::manager {

/// One connection to a worker, from the attempt to its end: hello, events, status, and whether the
/// worker answers at all. Manager thread. A callback may destroy the session.
class WorkerSession {
public:
    /// Who is at the other end.
    struct Peer {
        Guid run;
        pid_t pid = 0;
        /// The process runs this VM alone, and may be killed for it.
        bool own_process = false;
    };
    struct Callbacks {
        std::function<void(const Peer& peer)> greeted;
        std::function<void(std::shared_ptr<const control::Json> status)> status;
        /// The worker has not answered for Timings::probe_answer; or, `silent` being false,
        /// answers again after `for_so_long`.
        std::function<void(bool silent, Duration for_so_long)> silent;
        std::function<void(const control::LinkEnd& end)> ended;
    };

    /// All must outlive it.
    WorkerSession(loop::Loop& loop, EventLog& log, EventLog::Subject vm, const std::string& socket,
                  const Timings& timings, Callbacks callbacks);
    WorkerSession(const WorkerSession&) = delete;
    WorkerSession& operator=(const WorkerSession&) = delete;
    ~WorkerSession();

    [[nodiscard]] bool greeted() const { return intake_ != nullptr; }
    [[nodiscard]] control::Link& link() { return *link_; }
    /// The VM's events bear this name from now on.
    void rename(const std::string& name);

private:
    void hello_received(const control::Json& hello);
    void subscribe_status();
    void probe_later();
    void probe();
    void heard();
    void end(control::LinkEnd::Reason reason, std::string text);

    loop::Loop& loop_;
    EventLog& log_;
    EventLog::Subject vm_;
    const Timings& timings_;
    Callbacks callbacks_;
    std::unique_ptr<control::Link> link_;
    std::unique_ptr<EventIntake> intake_;
    loop::Loop::TimerId probe_timer_ = 0;
    std::optional<TimePoint> silent_since_;
};

}  // namespace hvis::manager

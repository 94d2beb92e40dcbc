#pragma once

#include <functional>
#include <map>
#include <utility>

#include "control/commands.h"
#include "control/link.h"
#include "loop/loop.h"
#include "manager/supervisor/timings.h"

namespace hvis::manager {

/// Whoever waits for a condition of one VM, over its stops and starts. Manager thread.
class VmWaits {
public:
    /// Waits at once that the worker is asked about. Each is a request that stays outstanding on
    /// its link, where others need room too: control::Link::kMaxOutstanding.
    static constexpr size_t kMaxAsked = 24;

    using Done = std::function<void(Result<void, control::Failure>)>;

    /// Takes in the worker's present state, then calls back: whoever has waited for something must
    /// not be shown a state from before it.
    using Refresh = std::function<void(std::function<void()> then)>;

    VmWaits(loop::Loop& loop, const Timings& timings, Refresh refresh)
        : loop_(loop), timings_(timings), refresh_(std::move(refresh)) {}
    VmWaits(const VmWaits&) = delete;
    VmWaits& operator=(const VmWaits&) = delete;
    ~VmWaits();

    /// `done` is called exactly once unless this is destroyed before, never from within.
    uint64_t add(control::Condition condition, control::Milliseconds timeout, Done done);
    void cancel(uint64_t id);

    /// A worker can be asked from now on.
    void running(control::Link& link);
    /// The worker cannot be asked any more; what was asked comes back by itself.
    void not_running() { link_ = nullptr; }
    /// No worker runs, and none will by itself: other conditions than `stopped` have failed if
    /// the VM ran since they were waited for.
    void stopped();
    /// Not stopped any more.
    void starting() { stopped_ = false; }

private:
    struct Wait {
        control::Condition condition = control::Condition::kRunning;
        Done done;
        TimePoint deadline;
        loop::Loop::TimerId timer = 0;
        control::Link::RequestId request = 0;
        bool asked = false;
    };
    [[nodiscard]] bool has_room() const;
    void ask(uint64_t id);
    /// It fails when its time, and that of an answer, is over.
    void allow_for_reply(uint64_t id);
    void answered(uint64_t id,
                  const Result<std::shared_ptr<const control::Json>, control::Failure>&);
    void finish(uint64_t id, Result<void, control::Failure> outcome);
    void finish_soon(uint64_t id, Result<void, control::Failure> outcome);

    loop::Loop& loop_;
    const Timings& timings_;
    Refresh refresh_;
    control::Link* link_ = nullptr;
    bool stopped_ = true;
    uint64_t next_id_ = 1;
    std::map<uint64_t, Wait> waits_;
};

}  // namespace hvis::manager

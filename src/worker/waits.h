#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "base/time.h"
#include "control/commands.h"
#include "control/server.h"
#include "loop/later.h"
#include "loop/loop.h"

namespace hvis::worker {

/// Requests that wait for the VM to reach a condition. Loop thread.
class Waits {
public:
    using Reached = std::function<bool(control::Condition)>;
    /// Says, for the error of a wait that timed out, what is missing.
    using Explain = std::function<std::string(control::Condition)>;

    Waits(loop::Loop& loop, Reached reached, Explain explain);
    ~Waits();
    Waits(const Waits&) = delete;
    Waits& operator=(const Waits&) = delete;

    void add(const control::WaitCommand& command, control::Responder responder);
    /// Something changed: answers those whose condition holds now.
    void check();
    /// The machine has stopped for good: what can never come true any more fails.
    void machine_stopped();
    [[nodiscard]] bool any_for(control::Condition condition) const;

private:
    struct Wait {
        control::Condition condition;
        control::Responder responder;
        TimePoint started;
        loop::Loop::TimerId timer = 0;
    };
    using WaitId = uint64_t;

    void finish(WaitId id);
    void expire(WaitId id);
    void forget(WaitId id);

    loop::Loop& loop_;
    loop::Later later_;
    Reached reached_;
    Explain explain_;
    std::map<WaitId, Wait> waits_;
    WaitId next_id_ = 1;
};

}  // namespace hvis::worker

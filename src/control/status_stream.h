#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "base/time.h"
#include "control/results.h"
#include "loop/loop.h"

namespace hvis::control {

/// One client's subscription to the status: sends it at once, and again when it has changed, at
/// most once in a period. What changes all the time (how long it has been up, how many exits there
/// were, how old the last heartbeat is) is no change. Loop thread.
class StatusStream {
public:
    static constexpr Duration kPeriod = std::chrono::seconds(1);

    using Source = std::function<StatusResult()>;
    using Send = std::function<void(std::string packet)>;

    /// The loop, and what `source` and `send` refer to, must outlive the stream. The first status
    /// goes out from the loop's next turn.
    StatusStream(loop::Loop& loop, Source source, Send send);
    ~StatusStream();
    StatusStream(const StatusStream&) = delete;
    StatusStream& operator=(const StatusStream&) = delete;

    /// The status may have changed. Sends nothing from within this call; cheap.
    void changed();
    /// Sends what is due without waiting for its moment; before the process ends.
    void flush();

private:
    void send_if_changed();

    loop::Loop& loop_;
    Source source_;
    Send send_;
    loop::Loop::TimerId timer_ = 0;
    TimePoint next_at_;
    std::string last_;  ///< what was sent last, without what changes all the time
};

}  // namespace hvis::control

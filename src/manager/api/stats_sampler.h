#pragma once

#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "base/guid.h"
#include "control/commands.h"
#include "control/failure.h"
#include "control/json.h"
#include "loop/loop.h"

namespace hvis::manager {

/// The counters of all running VMs for /metrics, asked for at a pace of its own: once in kRound for
/// each VM, spread evenly, however many VMs there are and however often somebody scrapes. Asks for
/// nothing when nobody has scraped for a while. Manager thread.
class StatsSampler {
public:
    static constexpr Duration kRound = std::chrono::seconds(15);
    static constexpr Duration kTick = std::chrono::milliseconds(100);
    static constexpr Duration kRestAfter = std::chrono::minutes(5);

    using Stats = std::shared_ptr<const control::Json>;
    using Answered = std::function<void(Result<Stats, control::Failure>)>;
    /// The VMs that run, and the way to ask one.
    struct Source {
        std::function<std::vector<Guid>()> running;
        std::function<void(const Guid& vm, Answered answered)> ask;
    };
    /// What one VM said.
    struct Sample {
        Stats stats;
        TimePoint at;
    };

    /// `loop` must outlive it.
    StatsSampler(loop::Loop& loop, Source source);
    ~StatsSampler();
    StatsSampler(const StatsSampler&) = delete;
    StatsSampler& operator=(const StatsSampler&) = delete;

    /// Somebody scrapes: goes on asking for kRestAfter. The first scrape finds nothing yet.
    const std::map<Guid, Sample>& take(TimePoint now);

private:
    void tick();
    void begin_round();
    void ask_next();

    loop::Loop& loop_;
    Source source_;
    loop::Loop::TimerId timer_ = 0;
    TimePoint last_taken_;
    TimePoint round_end_;
    std::vector<Guid> round_;
    size_t next_ = 0;
    size_t each_tick_ = 1;
    /// Answers may come late: they find out here whether anybody is left.
    std::shared_ptr<std::map<Guid, Sample>> samples_ = std::make_shared<std::map<Guid, Sample>>();
};

}  // namespace hvis::manager

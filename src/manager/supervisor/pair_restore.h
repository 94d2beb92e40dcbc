#pragma once

#include <deque>
#include <functional>
#include <string>
#include <variant>

#include "control/link.h"
#include "loop/loop.h"
#include "manager/supervisor/held_pairs.h"
#include "manager/supervisor/timings.h"

namespace hvis::manager {

/// Brings the host's pools of a guest in line with what the host holds: sets what is missing or
/// another, and deletes what was deleted while the guest could not be told. One request at a time.
///
/// What fails does not keep the rest from being done, and is tried again in the next round, after
/// Timings::pair_retry, then twice that, and so on. Manager thread.
class PairRestore {
public:
    /// Rounds from one coming of the guest's service to the next; the last begins some minutes
    /// after the first.
    static constexpr uint32_t kMaxRounds = 10;

    /// Called for the first failure since begin(): what could not be done, and why.
    using Failed = std::function<void(const std::string& what, const std::string& why)>;
    /// Called once for each begin(): the guest's pools have what they shall have, or could not be
    /// given it in the first round.
    using Settled = std::function<void()>;

    /// All must outlive it; the link must not answer any more once it is gone.
    PairRestore(loop::Loop& loop, HeldPairs& pairs, const Timings& timings, control::Link& link,
                Failed failed, Settled settled);
    ~PairRestore();
    PairRestore(const PairRestore&) = delete;
    PairRestore& operator=(const PairRestore&) = delete;

    /// The guest's key/value service has come.
    void begin();
    /// It has gone: there is nobody to ask until the next begin().
    void stop();
    /// Whether the first round since begin() is over.
    [[nodiscard]] bool settled() const { return is_settled_; }

private:
    using Step =
        std::variant<control::KvpListCommand, control::KvpSetCommand, control::KvpDeleteCommand>;
    void start_round();
    void next_step();
    void listed(control::Pool pool, const control::Json& result);
    /// False for what was changed while it waited.
    [[nodiscard]] bool is_due(const Step& step) const;
    void answered(const Step& step,
                  const Result<std::shared_ptr<const control::Json>, control::Failure>& reply);

    loop::Loop& loop_;
    HeldPairs& pairs_;
    const Timings& timings_;
    control::Link& link_;
    Failed failed_;
    Settled settled_;
    bool is_settled_ = false;
    uint64_t begun_ = 0;  ///< answers to what an earlier begin() asked are of no interest
    uint32_t round_ = 0;
    bool again_ = false;  ///< something of this round has failed
    bool told_ = false;
    std::deque<Step> steps_;
    loop::Loop::TimerId timer_ = 0;
};

}  // namespace hvis::manager

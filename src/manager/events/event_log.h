#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "control/events.h"
#include "loop/loop.h"
#include "manager/events/clock_trust.h"
#include "manager/events/stored_event.h"
#include "manager/store/store.h"

namespace hvis::manager {

/// The host's event log: takes events in, commits them in batches, keeps them for as long as the
/// retention says, tells subscribers (HTTP streams, webhooks, hooks) and the journal of what has
/// been committed. Manager thread.
///
/// While the store cannot be written (full disk), events wait in a bounded queue; workers' events
/// that find it full are not taken and stay with the worker, which sends them again later.
class EventLog {
public:
    /// Events that wait for the store.
    static constexpr size_t kMaxWaiting = 65'536;
    /// And their texts and fields together, in bytes.
    static constexpr size_t kMaxWaitingBytes = size_t{64} << 20U;
    /// Room beyond that for hvisd's own, which nobody sends again.
    static constexpr size_t kMaxOwnWaiting = 4096;
    static constexpr size_t kMaxOwnWaitingBytes = size_t{8} << 20U;
    /// A batch is committed after so long, or when it has kMaxBatch events.
    static constexpr Duration kBatchTime = std::chrono::milliseconds(20);
    static constexpr size_t kMaxBatch = 1000;
    /// How long a store that refused is left alone.
    static constexpr Duration kRetryAfter = std::chrono::seconds(2);
    /// Old events are looked for so often, and deleted in steps with pauses in between: the manager
    /// thread has other things to do.
    static constexpr Duration kTrimEvery = std::chrono::seconds(10);
    static constexpr Duration kTrimPause = std::chrono::milliseconds(20);
    static constexpr uint64_t kTrimStep = 1000;
    /// The place of a life whose end has been recorded: above every number of the protocol.
    static constexpr uint64_t kEnded = uint64_t{1} << 53U;
    /// Lives of one VM's worker whose place is remembered.
    static constexpr size_t kRunsRemembered = 8;

    struct Retention {
        uint64_t count = 1'000'000;
        std::chrono::hours age = std::chrono::hours(24 * 90);
        /// How long the wall clock must have gone steadily before it may make events old.
        Duration clock_probation = ClockTrust::kProbation;
    };
    /// The VM that an event is about.
    struct Subject {
        Guid id;
        std::string name;
    };
    using Subscriber = std::function<void(const StoredEvent&)>;
    using SubscriptionId = uint64_t;

    /// `loop` and `store` must outlive it.
    EventLog(loop::Loop& loop, Store& store, Retention retention);
    ~EventLog();
    EventLog(const EventLog&) = delete;
    EventLog& operator=(const EventLog&) = delete;

    /// An event of hvisd's own.
    void record(control::EventId id, control::EventFields fields = {});
    void record(control::EventId id, const Subject& vm, control::EventFields fields = {});
    /// The end of a worker's life: recorded once for each, whatever happens to hvisd around it.
    /// Nothing of that life is taken afterwards.
    void record_end(control::EventId id, const Subject& vm, const Guid& run,
                    control::EventFields fields);
    /// An event that a worker pushed, as docs/control-protocol.md has it; `run` is the worker's
    /// life. False when there is no room: take it again from the same number later. A number that
    /// was taken already is dropped (true).
    bool take(const Subject& vm, const Guid& run, const control::Json& event);
    /// The number of the worker's event that is to be taken next; 1 for a life not known yet.
    [[nodiscard]] uint64_t next_of(const Guid& vm, const Guid& run) const;
    /// Where an earlier life of hvisd left off; before the first take(). Not needed: what is not
    /// known here is looked up in the store.
    void set_cursor(const Store::Cursor& cursor);
    void forget(const Guid& vm);

    /// Commits what waits, now.
    Result<void, Failure> flush();
    Result<EventPage, Failure> query(const EventFilter& filter);

    /// Called after the commit, in order. A subscriber may unsubscribe, itself included.
    SubscriptionId subscribe(Subscriber subscriber);
    void unsubscribe(SubscriptionId id);
    /// The number of the newest committed event.
    [[nodiscard]] uint64_t last() const;
    /// Why nothing can be committed at present; nothing when all is well.
    [[nodiscard]] const std::optional<Failure>& problem() const;
    /// Events that wait for the store.
    [[nodiscard]] size_t waiting() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace hvis::manager

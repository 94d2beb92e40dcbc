#pragma once

#include <deque>
#include <map>
#include <optional>

#include "manager/events/clock_trust.h"
#include "manager/events/event_log.h"
#include "manager/events/run_cursors.h"

namespace hvis::manager {

/// The wall clock in whole milliseconds, as the store keeps it: what subscribers see is what a
/// query brings later.
WallTime wall_now();

/// An event of hvisd's own, of this moment.
StoredEvent own_event(control::EventId id, control::EventFields fields);
StoredEvent own_event(control::EventId id, const EventLog::Subject& vm,
                      control::EventFields fields);

/// What waits for the store, and what has been committed and not told yet.
struct EventLog::State {
    struct Waiting {
        StoredEvent event;
        std::optional<Store::Cursor> cursor;  ///< where its worker's cursor is once it is kept
    };

    State(loop::Loop& its_loop, Store& its_store, Retention its_retention)
        : loop(its_loop),
          store(its_store),
          retention(its_retention),
          trust(its_retention.clock_probation),
          cursors(its_store, kRunsRemembered) {}

    /// Whether so many more events of workers have room.
    [[nodiscard]] bool has_room(size_t events) const {
        return waiting.size() + events <= kMaxWaiting && waiting_bytes < kMaxWaitingBytes;
    }
    void add(StoredEvent event, std::optional<Store::Cursor> cursor);
    void add_own(StoredEvent event, std::optional<Store::Cursor> cursor = std::nullopt);
    void commit_at(TimePoint when);
    Result<void, Failure> commit_batch();
    void store_failed(const Failure& failure);
    void store_works();
    void tell();
    void timer_fired();
    void trim();
    void trim_at(TimePoint when);

    loop::Loop& loop;
    Store& store;
    Retention retention;
    ClockTrust trust;
    RunCursors cursors;
    std::deque<Waiting> waiting;
    size_t waiting_bytes = 0;
    std::deque<StoredEvent> committed;  // and not told yet
    bool telling = false;
    std::map<SubscriptionId, Subscriber> subscribers;
    SubscriptionId next_subscription = 1;
    loop::Loop::TimerId commit_timer = 0;
    loop::Loop::TimerId trim_timer = 0;
    uint64_t last = 0;
    std::optional<Failure> problem;
    TimePoint failing_since;
    uint64_t own_dropped = 0;
};

}  // namespace hvis::manager

#include "manager/events/event_log.h"

#include <algorithm>
#include <deque>
#include <map>
#include <utility>

#include "base/log.h"
#include "control/failure.h"
#include "manager/events/run_cursors.h"

namespace hvis::manager {
namespace {

using control::EventFields;
using control::EventId;

/// The wall clock in whole milliseconds, as the store keeps it: what subscribers see is what a
/// query brings later.
WallTime wall_now() {
    return WallTime::from_system(
        std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now()));
}

/// What an event needs in memory, roughly.
size_t bytes_of(const StoredEvent& event) {
    size_t bytes = sizeof(event) + event.text.size();
    for (const auto& [name, value] : event.fields) {
        bytes += name.size() + value.size();
    }
    return bytes;
}

StoredEvent own_event(EventId id, EventFields fields) {
    control::Event event{.sequence = 0, .time = wall_now(), .id = id, .fields = std::move(fields)};
    const control::EventSpec& spec = control::spec_of(id);
    return {.sequence = 0,
            .time = event.time,
            .vm = {},
            .vm_name = {},
            .id = std::to_underlying(id),
            .name = std::string(spec.name),
            .severity = spec.severity,
            .service = control::event_service(event),
            .text = control::event_text(event),
            .fields = std::move(event.fields)};
}

}  // namespace

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
    void add_own(StoredEvent event);
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

void EventLog::State::add(StoredEvent event, std::optional<Store::Cursor> cursor) {
    waiting_bytes += bytes_of(event);
    waiting.push_back({.event = std::move(event), .cursor = cursor});
    if (problem) {
        return;  // The timer of the next attempt is set.
    }
    if (waiting.size() == 1) {
        commit_at(loop::Loop::now() + kBatchTime);
    } else if (waiting.size() == kMaxBatch) {
        commit_at(loop::Loop::now());
    }
}

void EventLog::State::add_own(StoredEvent event) {
    if (waiting.size() >= kMaxWaiting + kMaxOwnWaiting ||
        waiting_bytes >= kMaxWaitingBytes + kMaxOwnWaitingBytes) {
        ++own_dropped;
        return;
    }
    add(std::move(event), std::nullopt);
}

void EventLog::State::commit_at(TimePoint when) {
    loop.cancel_timer(std::exchange(commit_timer, 0));
    commit_timer = loop.add_timer(when, [this] { timer_fired(); });
}

void EventLog::State::timer_fired() {
    commit_timer = 0;
    // One batch for each turn of the loop: others want theirs.
    const bool done = commit_batch().has_value();
    if (done && !waiting.empty()) {
        commit_at(loop::Loop::now());
    }
    tell();
}

Result<void, Failure> EventLog::State::commit_batch() {
    const size_t count = std::min(waiting.size(), kMaxBatch);
    if (count == 0) {
        return {};
    }
    std::vector<StoredEvent> events;
    std::map<std::pair<Guid, Guid>, Store::Cursor> moved;
    events.reserve(count);
    for (size_t index = 0; index < count; ++index) {
        events.push_back(waiting[index].event);
        if (const auto& cursor = waiting[index].cursor) {
            moved[{cursor->vm, cursor->run}] = *cursor;
        }
    }
    std::vector<Store::Cursor> places;
    for (const auto& [run, cursor] : moved) {
        places.push_back(cursor);
    }
    if (auto appended = store.append_events(events, places); !appended) {
        store_failed(appended.error());
        return appended;
    }
    for (const StoredEvent& event : events) {
        waiting_bytes -= bytes_of(event);
    }
    waiting.erase(waiting.begin(), waiting.begin() + static_cast<std::ptrdiff_t>(count));
    last = events.back().sequence;
    std::ranges::move(events, std::back_inserter(committed));
    if (waiting.empty()) {
        cursors.trim();
    }
    store_works();
    if (own_dropped != 0) {
        const std::string dropped = std::to_string(std::exchange(own_dropped, 0));
        add_own(own_event(EventId::kEventsDropped, {{"count", dropped}}));
    }
    return {};
}

void EventLog::State::store_failed(const Failure& failure) {
    if (!problem) {
        failing_since = loop::Loop::now();
        log(LogLevel::kError, "events",
            "events cannot be kept: " + failure.message + "; " + failure.hint);
        problem = failure;
        // With the time at which it began; it is kept with the others when that works again.
        add_own(own_event(EventId::kStoreFailed, {{"reason", failure.message}}));
    }
    problem = failure;
    commit_at(loop::Loop::now() + kRetryAfter);
}

void EventLog::State::store_works() {
    if (!problem) {
        return;
    }
    problem.reset();
    const auto seconds =
        std::chrono::ceil<std::chrono::seconds>(loop::Loop::now() - failing_since).count();
    log(LogLevel::kNotice, "events", "events are kept again");
    add_own(own_event(EventId::kStoreRecovered, {{"seconds", std::to_string(seconds)},
                                                 {"waiting", std::to_string(waiting.size())}}));
    commit_at(loop::Loop::now());
}

void EventLog::State::tell() {
    if (std::exchange(telling, true)) {
        return;  // A subscriber has flushed; the turn that called it goes on with what is new.
    }
    while (!committed.empty()) {
        const StoredEvent event = std::move(committed.front());
        committed.pop_front();
        // By number, because a subscriber may remove any other, or add one.
        for (auto next = subscribers.begin(); next != subscribers.end();) {
            const SubscriptionId current = next->first;
            const Subscriber subscriber = next->second;
            subscriber(event);
            next = subscribers.upper_bound(current);
        }
    }
    telling = false;
}

void EventLog::State::trim_at(TimePoint when) {
    trim_timer = loop.add_timer(when, [this] { trim(); });
}

void EventLog::State::trim() {
    const TimePoint now = loop::Loop::now();
    const WallTime wall = wall_now();
    const auto age = std::chrono::duration_cast<Ticks>(retention.age).count();
    const bool judge_age = trust.observe(now, wall);
    const WallTime before =
        judge_age ? WallTime{wall.ticks - static_cast<uint64_t>(age)} : WallTime{};
    const auto removed = store.trim_events(retention.count, before, kTrimStep);
    const bool more = removed && *removed != 0;
    trim_at(now + (more ? kTrimPause : kTrimEvery));
}

EventLog::EventLog(loop::Loop& loop, Store& store, Retention retention)
    : state_(std::make_unique<State>(loop, store, retention)) {
    if (const auto last = store.last_event()) {
        state_->last = *last;
    } else {
        state_->store_failed(last.error());
    }
    state_->trust.observe(loop::Loop::now(), wall_now());
    state_->trim_at(loop::Loop::now() + kTrimPause);
}

EventLog::~EventLog() {
    // What cannot be kept now is lost if it is hvisd's own; workers send theirs again.
    state_->subscribers.clear();
    while (!state_->waiting.empty() && state_->commit_batch()) {
    }
    state_->loop.cancel_timer(state_->commit_timer);
    state_->loop.cancel_timer(state_->trim_timer);
}

void EventLog::record(EventId id, EventFields fields) {
    state_->add_own(own_event(id, std::move(fields)));
}

void EventLog::record(EventId id, const Subject& vm, EventFields fields) {
    StoredEvent event = own_event(id, std::move(fields));
    event.vm = vm.id;
    event.vm_name = vm.name;
    state_->add_own(std::move(event));
}

bool EventLog::take(const Subject& vm, const Guid& run, const control::Json& event) {
    auto read = workers_event_from_json(event);
    if (!read) {
        log(LogLevel::kWarning, "events", "worker of " + vm.name + " sent an event without number");
        return true;
    }
    const auto next = state_->cursors.next_of(vm.id, run);
    // Two events at most, with the one about a gap.
    if (!next || !state_->has_room(2)) {
        return false;
    }
    if (read->sequence < *next) {
        return true;
    }
    const auto add = [&](StoredEvent taken, uint64_t following) {
        const Store::Cursor cursor{.vm = vm.id, .run = run, .next_event = following};
        taken.vm = vm.id;
        taken.vm_name = vm.name;
        state_->cursors.set(cursor);
        state_->add(std::move(taken), cursor);
    };
    if (read->sequence > *next) {
        add(own_event(EventId::kEventsNotTaken, {{"count", std::to_string(read->sequence - *next)},
                                                 {"first", std::to_string(*next)}}),
            read->sequence);
    }
    const uint64_t following = read->sequence + 1;
    add(std::move(read->event), following);
    return true;
}

uint64_t EventLog::next_of(const Guid& vm, const Guid& run) const {
    const auto next = state_->cursors.next_of(vm, run);
    return next ? *next : 1;
}

void EventLog::set_cursor(const Store::Cursor& cursor) { state_->cursors.set(cursor); }

void EventLog::forget(const Guid& vm) {
    state_->cursors.forget(vm);
    for (auto& waiting : state_->waiting) {
        if (waiting.cursor && waiting.cursor->vm == vm) {
            waiting.cursor.reset();
        }
    }
}

Result<void, Failure> EventLog::flush() {
    while (!state_->waiting.empty()) {
        if (auto committed = state_->commit_batch(); !committed) {
            return committed;
        }
    }
    state_->tell();
    return {};
}

Result<std::vector<StoredEvent>, Failure> EventLog::query(const EventFilter& filter) {
    return state_->store.query_events(filter);
}

EventLog::SubscriptionId EventLog::subscribe(Subscriber subscriber) {
    state_->subscribers.emplace(state_->next_subscription, std::move(subscriber));
    return state_->next_subscription++;
}

void EventLog::unsubscribe(SubscriptionId id) { state_->subscribers.erase(id); }

uint64_t EventLog::last() const { return state_->last; }

const std::optional<Failure>& EventLog::problem() const { return state_->problem; }

size_t EventLog::waiting() const { return state_->waiting.size(); }

}  // namespace hvis::manager

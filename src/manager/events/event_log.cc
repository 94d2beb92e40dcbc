#include "manager/events/event_log.h"

#include <utility>

#include "base/log.h"
#include "manager/events/event_log_state.h"

namespace hvis::manager {

using control::EventFields;
using control::EventId;

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
    state_->add_own(own_event(id, vm, std::move(fields)));
}

void EventLog::record_end(EventId id, const Subject& vm, const Guid& run, EventFields fields) {
    if (next_of(vm.id, run) == kEnded) {
        return;
    }
    const Store::Cursor cursor{.vm = vm.id, .run = run, .next_event = kEnded};
    state_->cursors.set(cursor);
    state_->add_own(own_event(id, vm, std::move(fields)), cursor);
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

Result<EventPage, Failure> EventLog::query(const EventFilter& filter) {
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

#include "manager/events/event_log_state.h"

#include <algorithm>
#include <utility>

#include "base/log.h"

namespace hvis::manager {

using control::EventFields;
using control::EventId;

namespace {

/// What an event needs in memory, roughly.
size_t bytes_of(const StoredEvent& event) {
    size_t bytes = sizeof(event) + event.text.size();
    for (const auto& [name, value] : event.fields) {
        bytes += name.size() + value.size();
    }
    return bytes;
}

}  // namespace

WallTime wall_now() {
    return WallTime::from_system(
        std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now()));
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

StoredEvent own_event(EventId id, const EventLog::Subject& vm, EventFields fields) {
    StoredEvent event = own_event(id, std::move(fields));
    event.vm = vm.id;
    event.vm_name = vm.name;
    return event;
}

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

void EventLog::State::add_own(StoredEvent event, std::optional<Store::Cursor> cursor) {
    if (waiting.size() >= kMaxWaiting + kMaxOwnWaiting ||
        waiting_bytes >= kMaxWaitingBytes + kMaxOwnWaitingBytes) {
        ++own_dropped;
        return;
    }
    add(std::move(event), cursor);
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

}  // namespace hvis::manager

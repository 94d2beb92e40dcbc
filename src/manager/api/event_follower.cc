#include "manager/api/event_follower.h"

#include <algorithm>
#include <charconv>

#include <nlohmann/json.hpp>

#include "manager/api/event_text.h"

namespace hvis::manager {
namespace {

std::optional<uint64_t> number_in(const std::string& text) {
    uint64_t number = 0;
    const char* end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, number);
    return error == std::errc() && rest == end ? std::optional(number) : std::nullopt;
}

}  // namespace

void EventFollower::begin(ApiContext& context, EventFilter filter, bool has_since,
                          const ApiRequest& request, const Responder& responder) {
    if (const auto last = number_in(request.last_event_id)) {
        filter.since = *last + 1;
    } else if (filter.newest) {
        // The last `limit` ones first: where they begin is where following begins.
        const auto newest = context.events.query(filter);
        if (!newest) {
            responder.fail(newest.error());
            return;
        }
        const auto& found = newest->events;
        filter.since = found.empty() ? context.events.last() + 1 : found.front().sequence;
    } else if (!has_since) {
        filter.since = context.events.last() + 1;
    }
    filter.newest = false;
    filter.limit = kPage;
    const auto sink = responder.event_stream();
    const auto follower = std::make_shared<EventFollower>(context, std::move(filter), sink);
    context.streams.add(sink, follower, request.claim);
    follower->pump();
}

EventFollower::EventFollower(ApiContext& context, EventFilter filter,
                             std::shared_ptr<StreamSink> sink)
    : context_(context), filter_(std::move(filter)), sink_(std::move(sink)) {
    subscription_ =
        context_.events.subscribe([this](const StoredEvent& event) { committed(event); });
}

EventFollower::~EventFollower() {
    context_.events.unsubscribe(subscription_);
    context_.loop.cancel_timer(timer_);
}

void EventFollower::pump() {
    if (!behind_ || sink_->waiting() != 0) {
        return;
    }
    const uint64_t last = context_.events.last();
    const auto page = context_.events.query(filter_);
    if (!page) {
        // The store is in trouble: the client comes back with its Last-Event-ID.
        sink_->finish();
        return;
    }
    for (const StoredEvent& event : page->events) {
        if (!send(event)) {
            return;
        }
    }
    if (!page->next) {
        behind_ = false;
        filter_.since = std::max(filter_.since, last + 1);
        return;
    }
    filter_.since = *page->next;
    // drained() comes only after something was written.
    if (page->events.empty() && timer_ == 0) {
        timer_ = context_.loop.add_timer(loop::Loop::now(), [this] {
            timer_ = 0;
            pump();
        });
    }
}

bool EventFollower::send(const StoredEvent& event) {
    if (!sink_->write(server_event("event", event.sequence, to_json(event)))) {
        behind_ = true;  // drained() comes when there is room again
        return false;
    }
    filter_.since = event.sequence + 1;
    return true;
}

void EventFollower::committed(const StoredEvent& event) {
    if (!behind_ && event.sequence >= filter_.since && filter_.matches(event)) {
        send(event);
    }
}

}  // namespace hvis::manager

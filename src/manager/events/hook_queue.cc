#include "manager/events/hook_queue.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/log.h"

namespace hvis::manager {

using control::EventId;

HookQueue::HookQueue(std::string name, HookFilter filter, std::unique_ptr<Deliverer> deliverer,
                     loop::Loop& loop, Store& store, EventLog& events, Duration report_every)
    : name_(std::move(name)),
      filter_(std::move(filter)),
      deliverer_(std::move(deliverer)),
      loop_(loop),
      store_(store),
      events_(events),
      report_every_(report_every) {}

HookQueue::~HookQueue() {
    loop_.cancel_timer(timer_);
    loop_.cancel_timer(report_timer_);
}

Result<void, Failure> HookQueue::begin() {
    const auto text = HVIS_TRY(store_.setting("hook." + name_));
    if (text) {
        std::from_chars(text->data(), text->data() + text->size(), position_);
        saved_ = position_;
    } else {
        position_ = events_.last() + 1;
        save_position();
    }
    poke();
    return {};
}

void HookQueue::poke() {
    if (!under_way_ && timer_ == 0) {
        wait_until(loop::Loop::now());
    }
}

void HookQueue::wait_until(TimePoint when) {
    timer_ = loop_.add_timer(when, [this] {
        timer_ = 0;
        step();
    });
}

void HookQueue::step() {
    if (under_way_ || (batch_.empty() && !refill())) {
        return;
    }
    ++current_.attempts;
    under_way_ = true;
    deliverer_->deliver(batch_.front(), [this](const Attempt& attempt) { attempted(attempt); });
}

/// Reads the next events that are for this hook; false when there is nothing to do now. One page in
/// each turn of the loop: what is none of the hook's may be the whole log.
bool HookQueue::refill() {
    skip_what_is_gone();
    if (position_ > events_.last()) {
        return false;
    }
    // The filter by severity and number is the store's work, which has an index for it.
    EventFilter filter;
    filter.since = position_;
    filter.at_least = filter_.at_least;
    filter.limit = kBatch;
    filter.ids = filter_.ids;
    if (!filter.ids.empty()) {
        filter.ids.push_back(std::to_underlying(EventId::kAlertTest));
    }
    auto found = store_.query_events(filter);
    if (!found) {
        log(LogLevel::kWarning, "hooks", name_ + ": " + found.error().message);
        wait_until(loop::Loop::now() + kLongestDelay);
        return false;
    }
    for (StoredEvent& event : found->events) {
        const bool own = std::ranges::any_of(event.fields, [&](const auto& field) {
            return field.first == "hook" && field.second == name_;
        });
        // A hook is not told of its own failures: that would never end.
        if (!own && filter_.matches(event)) {
            batch_.push_back(std::move(event));
        }
    }
    if (!batch_.empty()) {
        return true;
    }
    position_ = found->next.value_or(events_.last() + 1);
    if (position_ >= saved_ + kSaveEvery) {
        save_position();
    }
    if (position_ <= events_.last()) {
        wait_until(loop::Loop::now());
    }
    return false;
}

void HookQueue::skip_what_is_gone() {
    const auto first = store_.first_event();
    if (!first) {
        return;
    }
    const uint64_t oldest = *first == 0 ? events_.last() + 1 : *first;
    if (position_ >= oldest) {
        return;
    }
    events_.record(EventId::kHookMissedEvents, {{"hook", name_},
                                                {"first", std::to_string(position_)},
                                                {"last", std::to_string(oldest - 1)}});
    position_ = oldest;
    save_position();
}

void HookQueue::attempted(const Attempt& attempt) {
    under_way_ = false;
    current_.took = attempt.took;
    current_.problem = attempt.problem;
    switch (attempt.outcome) {
        case Attempt::Outcome::kTaken:
            passed(Delivery::State::kTaken);
            report_working();
            break;
        case Attempt::Outcome::kRefused:
            report_failing(attempt);
            passed(Delivery::State::kFailed);
            break;
        case Attempt::Outcome::kFailed:
            if (current_.attempts >= kAttemptsBeforeReport) {
                report_failing(attempt);
            }
            const uint32_t doublings = std::min<uint32_t>(current_.attempts - 1, 16);
            wait_until(loop::Loop::now() +
                       std::min<Duration>(kFirstDelay * (1U << doublings), kLongestDelay));
            return;
    }
    poke();
}

void HookQueue::passed(Delivery::State state) {
    const uint64_t sequence = batch_.front().sequence;
    batch_.pop_front();
    current_.state = state;
    fates_.push_back({.sequence = sequence, .delivery = std::exchange(current_, {})});
    if (fates_.size() > kMaxRemembered) {
        fates_.pop_front();
    }
    position_ = sequence + 1;
    save_position();
}

void HookQueue::save_position() {
    // If this fails the event is delivered once more after a restart, with the same number.
    if (store_.save_setting("hook." + name_, std::to_string(position_))) {
        saved_ = position_;
    }
}

void HookQueue::report_failing(const Attempt& attempt) {
    if (told_) {
        return;
    }
    untold_ = {{"hook", name_},
               {"reason", attempt.problem},
               {"event", std::to_string(batch_.front().sequence)}};
    const TimePoint now = loop::Loop::now();
    if (!reported_ || now - *reported_ >= report_every_) {
        tell_failing();
    } else if (report_timer_ == 0) {
        // Too soon, but not forgotten: there may be no other failure to say it at.
        report_timer_ = loop_.add_timer(*reported_ + report_every_, [this] {
            report_timer_ = 0;
            tell_failing();
        });
    }
}

void HookQueue::tell_failing() {
    reported_ = loop::Loop::now();
    told_ = true;
    events_.record(EventId::kHookFailed, std::exchange(untold_, {}));
}

void HookQueue::report_working() {
    loop_.cancel_timer(std::exchange(report_timer_, 0));
    if (std::exchange(told_, false)) {
        events_.record(EventId::kHookRecovered, {{"hook", name_}});
    }
}

Delivery HookQueue::delivery_of(const StoredEvent& event) const {
    Delivery delivery;
    if (!batch_.empty() && batch_.front().sequence == event.sequence) {
        delivery = current_;
    } else if (const auto fate = std::ranges::find(fates_, event.sequence, &Fate::sequence);
               fate != fates_.end()) {
        delivery = fate->delivery;
    } else if (!filter_.matches(event)) {
        delivery.state = Delivery::State::kFiltered;
    } else if (event.sequence < position_) {
        delivery.state = Delivery::State::kUnknown;
    }
    delivery.hook = name_;
    return delivery;
}

}  // namespace hvis::manager

#include "manager/supervisor/event_intake.h"

#include <nlohmann/json.hpp>

namespace hvis::manager {
namespace {

using control::Json;

/// A number of a worker's answer; 0 where it is not one.
uint64_t number(const Json& object, const char* name) {
    const auto found = object.find(name);
    return found != object.end() && found->is_number_unsigned() ? found->get<uint64_t>() : 0;
}

}  // namespace

EventIntake::EventIntake(loop::Loop& loop, EventLog& log, EventLog::Subject vm, const Guid& run,
                         const Timings& timings)
    : loop_(loop),
      log_(log),
      vm_(std::move(vm)),
      run_(run),
      timings_(timings),
      expected_(log.next_of(vm_.id, run)) {}

EventIntake::~EventIntake() { loop_.cancel_timer(timer_); }

void EventIntake::begin(control::Link& link, std::function<void(const control::Failure&)> refused) {
    link_ = &link;
    link.request(control::encode_command(control::EventsSubscribeCommand{.since = expected_}),
                 loop::Loop::now() + timings_.probe_answer,
                 [this, refused = std::move(refused)](auto reply) {
                     if (!reply) {
                         refused(reply.error());
                         return;
                     }
                     // The kept events from here on are pushed next; with the first of them the
                     // log records what is missing.
                     expected_ += number(**reply, "lost");
                 });
}

bool EventIntake::take(const Json& event) {
    if (number(event, "sequence") < expected_) {
        return true;
    }
    if (!log_.take(vm_, run_, event)) {
        return false;
    }
    expected_ = number(event, "sequence") + 1;
    return true;
}

void EventIntake::pushed(const Json& event) {
    if (fetching_) {
        return;
    }
    if (number(event, "sequence") > expected_) {
        fetching_ = true;
        fetch();
    } else if (!take(event)) {
        fetch_later();
    }
}

void EventIntake::fetch() {
    link_->request(control::encode_command(
                       control::EventsListCommand{.since = expected_, .limit = kMaxFetched}),
                   loop::Loop::now() + timings_.probe_answer, [this](auto reply) {
                       if (reply) {
                           fetched(**reply);
                       } else {
                           fetch_later();
                       }
                   });
}

void EventIntake::fetched(const Json& result) {
    expected_ += number(result, "lost");
    const auto events = result.find("events");
    if (events == result.end() || !events->is_array()) {
        fetch_later();
        return;
    }
    for (const Json& event : *events) {
        if (!event.is_object() || !take(event)) {
            fetch_later();
            return;
        }
    }
    if (events->size() == kMaxFetched) {
        fetch();
    } else {
        fetching_ = false;
    }
}

void EventIntake::fetch_later() {
    fetching_ = true;
    loop_.cancel_timer(timer_);
    timer_ = loop_.add_timer(loop::Loop::now() + timings_.retry_store, [this] { fetch(); });
}

}  // namespace hvis::manager

#include "harness/event_stream.h"

#include <nlohmann/json.hpp>

namespace hvis::guests {
namespace {

using control::Json;

SeenEvent event_from(const Json& json) {
    SeenEvent event{.sequence = json.value("sequence", uint64_t{0}),
                    .name = json.value("name", ""),
                    .service = json.value("service", ""),
                    .severity = json.value("severity", ""),
                    .text = json.value("text", ""),
                    .fields = {}};
    if (const auto fields = json.find("fields"); fields != json.end()) {
        event.fields = fields->get<std::map<std::string, std::string>>();
    }
    return event;
}

}  // namespace

std::optional<EventStream> EventStream::open(const std::string& path) {
    auto client = control::Client::connect(path, Clock::now() + kReplyPatience);
    if (!client ||
        !client->call(control::EventsSubscribeCommand{.since = 1}, Clock::now() + kReplyPatience)) {
        return std::nullopt;
    }
    return EventStream(*std::move(client));
}

EventStream::Mark EventStream::mark() {
    while (receive(Clock::now())) {
    }
    return seen_.empty() ? 0 : seen_.back().sequence;
}

std::optional<SeenEvent> EventStream::wait(Mark mark,
                                           const std::function<bool(const SeenEvent&)>& wanted,
                                           Clock::time_point deadline) {
    for (size_t next = 0;;) {
        for (; next < seen_.size(); ++next) {
            if (seen_[next].sequence > mark && wanted(seen_[next])) {
                return seen_[next];
            }
        }
        if (!receive(deadline)) {
            return std::nullopt;
        }
    }
}

std::vector<SeenEvent> EventStream::since(Mark mark) {
    (void)this->mark();
    std::vector<SeenEvent> events;
    std::ranges::copy_if(seen_, std::back_inserter(events),
                         [&](const SeenEvent& event) { return event.sequence > mark; });
    return events;
}

bool EventStream::receive(Clock::time_point deadline) {
    if (closed_) {
        return false;
    }
    const auto event = client_.next_event(deadline);
    closed_ = !event;
    if (closed_ || *event == nullptr) {
        return false;
    }
    seen_.push_back(event_from(**event));
    return true;
}

}  // namespace hvis::guests

#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "control/client.h"
#include "harness/deadlines.h"

namespace hvis::guests {

/// One event as it came over the socket.
struct SeenEvent {
    uint64_t sequence = 0;
    std::string name;
    std::string service;
    std::string severity;
    std::string text;
    std::map<std::string, std::string> fields;
};

/// Everything that a worker has told since its start, on a connection of its own.
class EventStream {
public:
    /// nullopt when the worker does not take the subscription.
    static std::optional<EventStream> open(const std::string& path);

    /// A place in the stream: what comes after it is new.
    using Mark = uint64_t;
    Mark mark();

    /// The first event after `mark` for which `wanted` holds, or nothing at the deadline.
    std::optional<SeenEvent> wait(Mark mark, const std::function<bool(const SeenEvent&)>& wanted,
                                  Clock::time_point deadline);
    /// All events after `mark` that have arrived.
    std::vector<SeenEvent> since(Mark mark);

private:
    explicit EventStream(control::Client client) : client_(std::move(client)) {}
    bool receive(Clock::time_point deadline);

    control::Client client_;
    std::vector<SeenEvent> seen_;
    bool closed_ = false;
};

}  // namespace hvis::guests

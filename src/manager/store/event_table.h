#pragma once

#include <optional>
#include <vector>

#include "manager/events/stored_event.h"
#include "manager/store/database.h"

namespace hvis::manager {

/// The host's log.
class EventTable {
public:
    explicit EventTable(Database& database) : database_(database) {}

    /// Gives each event its number.
    Result<void, Failure> append(std::vector<StoredEvent>& events);
    Result<EventPage, Failure> query(const EventFilter& filter);
    Result<uint64_t, Failure> trim(uint64_t keep, WallTime before, uint64_t limit);
    Result<uint64_t, Failure> first();
    Result<uint64_t, Failure> last();
    /// The next event gets the number that follows this one, which is above all that were given.
    Result<void, Failure> go_on_behind(uint64_t number);

private:
    Database& database_;
    std::optional<Statement> insert_;  // prepared once: this is the hot path
};

}  // namespace hvis::manager

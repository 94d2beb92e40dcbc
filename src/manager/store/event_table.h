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
    /// Deletes the oldest beyond `keep`, and those before `before`, among the oldest `limit`.
    /// Returns how many went.
    Result<uint64_t, Failure> trim(uint64_t keep, WallTime before, uint64_t limit);
    /// How many there are: numbers do not tell, since some are left out. The first call goes
    /// through the whole log, the others through what has come since.
    Result<uint64_t, Failure> count();
    Result<uint64_t, Failure> first();
    Result<uint64_t, Failure> last();
    /// The next event gets the number that follows this one, which is above all that were given.
    Result<void, Failure> go_on_behind(uint64_t number);

private:
    Database& database_;
    std::optional<Statement> insert_;  // prepared once: this is the hot path
    uint64_t counted_ = 0;             ///< events up to counted_to_
    uint64_t counted_to_ = 0;
};

}  // namespace hvis::manager

#pragma once

#include <cstdint>
#include <string>

#include "manager/store/event_table.h"
#include "manager/store/setting_table.h"

namespace hvis::manager {

/// Sees to it that no event's number is given twice, whatever the loss of the host's power takes
/// from the log: numbers are given only up to a mark that is on the disk for good. It is moved in
/// blocks, so that one commit in many thousand waits for the disk.
///
/// What was given between the last event that the disk has and the mark cannot be known after a
/// loss of power: the log goes on behind the mark, and the numbers in between stay empty.
class EventNumbers {
public:
    /// Numbers that one commit with Durability::kHost buys.
    static constexpr uint64_t kBlock = 10'000;

    /// Both must outlive it. `boot`: see boot_mark(); while it is the same nothing that was
    /// committed can be gone.
    EventNumbers(EventTable& events, SettingTable& settings, std::string boot)
        : events_(events), settings_(settings), boot_(std::move(boot)) {}

    /// Reads the mark. Once, before the others.
    Result<void, Failure> begin();
    /// Whether the next `count` events need a higher mark first.
    Result<bool, Failure> runs_out(uint64_t count);
    /// Sets the mark so that the next `count` events, and a block more, are below it. Within the
    /// transaction that appends them, which must be one with Durability::kHost.
    Result<void, Failure> reserve(uint64_t count);
    /// That transaction has been committed.
    void reserved();
    /// Lowers the mark to the last number that was given, for an end in good order. Within a
    /// transaction with Durability::kHost, the last of all.
    Result<void, Failure> settle();

private:
    Result<void, Failure> save(uint64_t mark);

    EventTable& events_;
    SettingTable& settings_;
    std::string boot_;
    uint64_t mark_ = 0;
    uint64_t wanted_ = 0;
    bool lost_power_ = false;  ///< and nothing was appended since: the log is to go on behind mark_
};

}  // namespace hvis::manager

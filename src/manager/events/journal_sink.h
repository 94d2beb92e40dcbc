#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "manager/events/stored_event.h"

namespace hvis::manager {

/// The fields of the event's journal entry, "NAME=value"; docs/events.md lists them.
std::vector<std::string> journal_fields(const StoredEvent& event);

/// Passes events on to the systemd journal, or to standard error where there is none.
///
/// On a thread of its own: a journal that is held up must not hold up the manager. While it is,
/// kMaxWaiting events wait, more are dropped here (the event log has them) and counted.
class JournalSink {
public:
    static constexpr size_t kMaxWaiting = 8192;

    enum class Where : uint8_t {
        kAuto,  ///< the journal where it listens, else standard error
        kStderr,
        kNone,
    };
    explicit JournalSink(Where where);
    /// Passes on what waits, then ends.
    ~JournalSink();
    JournalSink(const JournalSink&) = delete;
    JournalSink& operator=(const JournalSink&) = delete;

    /// Any thread; never blocks.
    void write(const StoredEvent& event);
    /// Events that were dropped so far. Any thread.
    [[nodiscard]] uint64_t dropped() const;

private:
    void run();

    bool to_journal_;
    mutable std::mutex mutex_;  // guards what follows; held for a push or a pop
    std::condition_variable changed_;
    std::deque<StoredEvent> waiting_;
    uint64_t dropped_ = 0;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace hvis::manager

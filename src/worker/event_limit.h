#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/time.h"
#include "control/events.h"

namespace hvis::worker {

/// Keeps a guest, or a client, that makes the same thing happen over and over from pushing
/// everything else out of the event log: a bucket of tokens for each event id and service. No I/O.
class EventLimit {
public:
    /// Events of one kind in a row. Above what an administrator's script brings about: 50 reloads
    /// of the guest's driver and then 20 times off and on.
    static constexpr uint32_t kBurst = 72;
    /// After so long one more is let through.
    static constexpr Duration kRefill = std::chrono::seconds(5);
    /// What was suppressed is told at most so often.
    static constexpr Duration kReportInterval = std::chrono::seconds(60);

    /// Whether the event may be recorded now; it is counted if not. `service` is one of our own
    /// words, so that the guest has no say in how many buckets there are.
    bool allow(control::EventId id, const std::string& service, TimePoint now);

    struct Suppressed {
        control::EventId id;
        std::string service;
        uint64_t count;  ///< since the last report
        bool operator==(const Suppressed&) const = default;
    };
    /// When what has been suppressed is to be told; nothing if nothing was.
    [[nodiscard]] std::optional<TimePoint> report_due() const { return report_due_; }
    std::vector<Suppressed> take_report();

private:
    struct Bucket {
        uint32_t tokens = kBurst;
        TimePoint filled_at;  ///< when a token last came in, or would have
        uint64_t suppressed = 0;
    };
    std::map<std::pair<control::EventId, std::string>, Bucket> buckets_;
    std::optional<TimePoint> report_due_;
};

}  // namespace hvis::worker

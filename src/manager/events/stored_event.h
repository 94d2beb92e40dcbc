#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/guid.h"
#include "base/time.h"
#include "control/events.h"
#include "control/json.h"

namespace hvis::manager {

/// One event of the host's log: of a worker, or of hvisd itself.
struct StoredEvent {
    uint64_t sequence = 0;  ///< 1, 2, …: its place in the host's log
    WallTime time;
    std::optional<Guid> vm;  ///< none: about hvisd itself
    std::string vm_name;     ///< as it was then
    uint16_t id = 0;
    std::string name;
    control::Severity severity = control::Severity::kInfo;
    std::string service;  ///< a service, "machine", "vmbus" or "manager"
    std::string text;     ///< escaped for display
    control::EventFields fields;
};
control::Json to_json(const StoredEvent& event);

/// What hvisd takes of one worker's event; the rest is cut. A worker that its guest has taken over
/// may send anything.
inline constexpr size_t kMaxEventFields = 32;
inline constexpr size_t kMaxEventFieldBytes = 1024;
inline constexpr size_t kMaxEventTextBytes = 16'384;
inline constexpr size_t kMaxEventNameBytes = 64;

/// An event as a worker pushed it (docs/control-protocol.md), and its number in the worker's log.
struct WorkersEvent {
    uint64_t sequence = 0;
    StoredEvent event;  ///< without number and VM
};
/// Lenient, because an event must not be lost for a small fault: only the number is needed, and
/// what is missing or unknown gets a default. Nothing when there is no number.
std::optional<WorkersEvent> workers_event_from_json(const control::Json& value);

/// The word of control::to_string(Severity), read.
std::optional<control::Severity> severity_from(std::string_view word);

/// Which events; an empty filter takes all.
struct EventFilter {
    static constexpr uint32_t kMaxLimit = 10'000;
    /// Events that one query looks at, however few of them it wants: what a query costs does not
    /// grow with the log.
    static constexpr uint32_t kMaxExamined = 20'000;

    std::optional<Guid> vm;
    uint64_t since = 0;              ///< this number and above
    std::optional<uint64_t> before;  ///< numbers below this one
    std::optional<WallTime> from;
    std::optional<WallTime> until;
    control::Severity at_least = control::Severity::kInfo;
    std::string service;        ///< empty: any
    std::vector<uint16_t> ids;  ///< empty: any
    uint32_t limit = 1000;
    bool newest = false;  ///< the last `limit` ones instead of the first; order stays oldest first

    /// Everything but since, before, limit and newest.
    [[nodiscard]] bool matches(const StoredEvent& event) const;
};

/// What one query found, oldest first.
struct EventPage {
    std::vector<StoredEvent> events;
    /// There may be more: `since` of the next query, or its `before` where the newest were asked
    /// for. Also without any events, where kMaxExamined had none of those wanted.
    std::optional<uint64_t> next;
};

}  // namespace hvis::manager

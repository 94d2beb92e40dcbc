#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/time.h"

namespace hvis::control {

/// Every event that a worker or hvisd can record. Numbers are published (docs/events.md) and never
/// reused: 1xxx the machine, 2xxx VMBus and services, 3xxx heartbeat, 4xxx shutdown, 5xxx time,
/// 6xxx KVP; hvisd's own: 7xxx workers, store and event log, 8xxx alerts.
enum class EventId : uint16_t {
    kVmStarted = 1001,
    kVmStopped = 1002,
    kVmPoweredOff = 1003,
    kVmReset = 1004,
    kVmPaused = 1005,
    kVmResumed = 1006,
    kGuestCrashed = 1007,
    kTripleFault = 1008,
    kVmFailed = 1009,
    kVmbusConnected = 2001,
    kVmbusDisconnected = 2002,
    kServiceNegotiated = 2003,
    kServiceDisconnected = 2004,
    kServiceEnabled = 2005,
    kServiceDisabled = 2006,
    kServiceMismatch = 2007,
    kGuestMessageRejected = 2008,
    kEventsSuppressed = 2009,
    kHeartbeatLost = 3001,
    kHeartbeatRegained = 3002,
    kApplicationCritical = 3003,
    kApplicationHealthy = 3004,
    kHostStallNoticed = 3005,
    kLossActionTaken = 3006,
    kLossAttemptsExhausted = 3007,
    kShutdownRequested = 4001,
    kShutdownAccepted = 4002,
    kShutdownRefused = 4003,
    kShutdownTimedOut = 4004,
    kTimeSynced = 5001,
    kTimeOffset = 5002,
    kKvpPushed = 6001,
    kKvpChanged = 6002,
    kKvpDaemonMissing = 6003,
    kWorkerStarted = 7001,
    kWorkerAdopted = 7002,
    kWorkerEnded = 7003,
    kWorkerFailed = 7004,
    kWorkerUnreachable = 7005,
    kWorkerReachable = 7006,
    kWorkerEventsLost = 7007,
    kRestartScheduled = 7008,
    kRestartGivenUp = 7009,
    kSettingsNotApplied = 7010,
    kWorkerUnknown = 7011,
    kStoreFailed = 7101,
    kStoreRecovered = 7102,
    kEventsNotTaken = 7103,
    kEventsDropped = 7104,
    kAutostartFailed = 7201,
    kHostShutdown = 7202,
    kGuestTooSlow = 7203,
    kVmDefined = 7301,
    kVmChanged = 7302,
    kVmDeleted = 7303,
    kImportSwept = 7304,
    kTokenCreated = 7305,
    kTokenDeleted = 7306,
    kAlertTest = 8001,
    kHookFailed = 8101,
    kHookRecovered = 8102,
    kHookMissedEvents = 8103,
};

enum class Severity : uint8_t { kInfo, kWarning, kError, kCritical };
std::string_view to_string(Severity severity);

/// One row of the table of events.
struct EventSpec {
    EventId id;
    std::string_view name;  ///< "heartbeat_lost"
    Severity severity;
    std::string_view service;  ///< "heartbeat", …, "machine" or "vmbus"; "*": the field "service"
    std::string_view text;     ///< with {field} where a field goes
    std::string_view meaning;  ///< what an administrator should make of it; for docs/events.md
};

/// The journal's MESSAGE_ID of an event (sd-id128, 32 hex digits): the same 28 digits for all, then
/// the event's number in hex. Never changes for a number.
std::string message_id(uint16_t event);

/// The whole table, ordered by number.
std::span<const EventSpec> event_table();
const EventSpec& spec_of(EventId id);

/// Names and values, in the order in which the text uses them. Text from the guest goes in as it
/// came: it is escaped where it is shown.
using EventFields = std::vector<std::pair<std::string, std::string>>;

/// One thing that happened.
struct Event {
    uint64_t sequence = 0;  ///< 1, 2, …: the place in the worker's log
    WallTime time;
    EventId id = EventId::kVmStarted;
    EventFields fields;
};

/// The event's sentence with the fields put in, escaped for display. A field that is missing
/// shows as "?".
std::string event_text(const Event& event);
/// The service that the event is about: the row's, or the field "service".
std::string event_service(const Event& event);
/// The level at which an event of this severity goes to the journal.
LogLevel log_level_of(Severity severity);

/// docs/events.md, generated from the table.
std::string events_page();

}  // namespace hvis::control

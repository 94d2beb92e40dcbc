#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "control/json.h"

namespace hvis::cli {

using control::Json;

/// What an event may be about.
inline constexpr std::array<std::string_view, 7> kEventServices = {
    "heartbeat", "shutdown", "timesync", "kvp", "machine", "vmbus", "manager"};

/// The number of a kind of event from its number or name ("3001", "heartbeat_lost").
std::optional<std::string> event_number(const std::string& text);

/// The table of events, from {"events":[…]}.
std::string events_text(const Json& list);
/// Lines of a table that has no end: columns have room for what is usual.
std::string events_heading();
std::string event_line(const Json& event);

}  // namespace hvis::cli

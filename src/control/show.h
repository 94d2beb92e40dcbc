#pragma once

#include <string>

#include "control/json.h"

namespace hvis::control {

/// The documents of docs/control-protocol.md as people read them. What is missing in a document is
/// left out, and text is made safe for a terminal.

/// One screen: state, guest and services.
std::string show_status(const Json& result);
/// A table of services, a list or one.
std::string show_services(const Json& services);
std::string show_stats(const Json& result);
std::string show_pairs(const Json& result);
/// The value of the only pair, on a line.
std::string show_one_value(const Json& result);
std::string show_addresses(const Json& result);
std::string show_time(const Json& result);
/// Policy, counts and status, or a policy alone.
std::string show_heartbeat(const Json& result);
std::string show_events(const Json& result);
/// One event on one line.
std::string show_event(const Json& event);

}  // namespace hvis::control

#pragma once

#include <chrono>
#include <string>
#include <variant>

#include "control/commands.h"

namespace hvis::worker {

/// hvis-vm CONFIG.json [--check]
struct RunOptions {
    std::string config_path;
    bool check_only = false;  ///< read the configuration, say what is wrong with it, and leave
    bool operator==(const RunOptions&) const = default;
};

/// hvis-vm --connect SOCKET VERB …
struct ClientOptions {
    std::string socket;
    control::Command command;
    bool json = false;
    bool follow = false;  ///< events --follow: go on until interrupted
    std::chrono::milliseconds connect_timeout = std::chrono::seconds(5);
    bool operator==(const ClientOptions&) const = default;
};

/// hvis-vm --events-table: prints docs/events.md.
struct EventsTableOptions {
    bool operator==(const EventsTableOptions&) const = default;
};

/// hvis-vm --probe: what this host's KVM can do.
struct ProbeOptions {
    bool json = false;
    bool operator==(const ProbeOptions&) const = default;
};

/// What there is left to do, or the status to leave with (help was shown, or the usage is wrong and
/// standard error says how).
using ParsedCommandLine =
    std::variant<RunOptions, ClientOptions, EventsTableOptions, ProbeOptions, int>;

/// Reads the command line. `output` gets --help and --version, `errors` what is wrong.
ParsedCommandLine parse_command_line(int argc, const char* const* argv, std::string& output,
                                     std::string& errors);

}  // namespace hvis::worker

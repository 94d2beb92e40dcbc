#pragma once

#include <array>
#include <string_view>

#include "cli/tree.h"

namespace hvis::cli {

/// Pools in which the host may set and remove pairs.
inline constexpr std::array<std::string_view, 2> kWritablePools = {"external", "parameters"};

/// One function for each family of verbs; each adds its part of the tree.
void add_vm_verbs(CLI::App& app, CLI::App& vm, Chosen& chosen);
void add_vm_edit_verbs(CLI::App& vm, Chosen& chosen);
void add_power_verbs(CLI::App& app, CLI::App& vm, Chosen& chosen);
void add_status_verbs(CLI::App& app, Chosen& chosen);
void add_service_verbs(CLI::App& app, Chosen& chosen);
void add_heartbeat_verbs(CLI::App& app, Chosen& chosen);
void add_time_verbs(CLI::App& app, Chosen& chosen);
void add_ip_verbs(CLI::App& app, Chosen& chosen);
void add_kvp_verbs(CLI::App& kvp, Chosen& chosen);
void add_kvp_watch_verb(CLI::App& kvp, Chosen& chosen);
void add_kvp_file_verbs(CLI::App& kvp, Chosen& chosen);
void add_event_verbs(CLI::App& app, Chosen& chosen);
void add_console_verbs(CLI::App& app, Chosen& chosen);
void add_operation_verbs(CLI::App& app, Chosen& chosen);
void add_host_verbs(CLI::App& app, Chosen& chosen);
void add_doctor_verbs(CLI::App& app, Chosen& chosen);
void add_completion_verb(CLI::App& app, Chosen& chosen);

}  // namespace hvis::cli

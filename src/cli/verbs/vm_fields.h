#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "cli/http/api.h"
#include "cli/tree.h"

namespace hvis::cli {

/// The fields of a definition that `vm create` and `vm set` have in common. What was not given is
/// not sent, so that hvisd's default, or what the VM has, stays. What was given as empty is sent
/// so, and takes away what the VM has.
struct VmFields {
    using Time = std::optional<std::chrono::milliseconds>;

    std::optional<std::string> memory;
    std::optional<uint32_t> cpus;
    std::optional<std::string> kernel;
    std::optional<std::string> initrd;
    std::optional<std::string> append;
    std::optional<std::string> description;
    std::optional<bool> autostart;
    std::optional<uint32_t> autostart_order;
    Time autostart_delay;
    Time stop_timeout;
    std::string restart;
    std::optional<uint32_t> restart_attempts;
    Time restart_delay;
    Time restart_longest_delay;
    Time restart_forgive_after;
    std::string on_crash;
    std::string on_reset;
    std::optional<bool> acpi_s4;
    std::string vmbus_version;  ///< "newest": no limit
    std::map<std::string, std::string> service_versions;

    /// Must live as long as the verb.
    void add_to(CLI::App& verb, Chosen& chosen);
    /// As openapi.yaml's DefinitionPatch has it: null takes a limit away.
    [[nodiscard]] Json document() const;
};

}  // namespace hvis::cli

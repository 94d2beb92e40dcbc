#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "manager/events/hooks.h"
#include "manager/events/journal_sink.h"
#include "manager/role.h"

namespace hvis::manager {

/// Longest configuration file that is read.
inline constexpr size_t kMaxConfigBytes = size_t{1} << 20U;
/// sun_path of a socket's address, without its NUL.
inline constexpr size_t kMaxSocketPath = 107;

/// hvisd.toml: docs/hvisd.toml has every key with its default and what it does.
struct Config {
    struct Directories {
        std::string state;    ///< "/var/lib/hvis": the database, vms/ID/
        std::string runtime;  ///< "/run/hvis": sockets
        bool operator==(const Directories&) const = default;
    } directories;

    struct Workers {
        enum class Launcher : uint8_t { kAuto, kSystemd, kChild };
        Launcher launcher = Launcher::kAuto;
        std::string program;  ///< hvis-vm; empty: beside hvisd, or in the PATH
        bool operator==(const Workers&) const = default;
    } workers;

    struct StoreLimits {
        uint64_t max_size = uint64_t{8} << 30U;  ///< bytes; 0: no limit
        bool operator==(const StoreLimits&) const = default;
    } store;

    struct Events {
        uint64_t keep = 1'000'000;
        std::chrono::hours max_age{24 * 90};
        JournalSink::Where journal = JournalSink::Where::kAuto;
        bool operator==(const Events&) const = default;
    } events;

    /// The API on the Unix socket; callers are known by their credentials.
    struct Socket {
        std::string path;      ///< empty: RUNTIME/hvisd.sock
        uint32_t mode = 0660;  ///< who may connect at all
        std::string group;     ///< that the socket belongs to; empty: hvisd's own
        bool operator==(const Socket&) const = default;
    } socket;

    /// Roles of local users beside root and hvisd's own user, who are administrators.
    struct Roles {
        std::map<std::string, Role> users;   ///< by name or number
        std::map<std::string, Role> groups;  ///< a user gets the highest of all that fit
        bool operator==(const Roles&) const = default;
    } roles;

    /// The API over TCP: TLS and bearer tokens always.
    struct Listen {
        std::string address;  ///< "0.0.0.0:8443", "[::]:8443"
        std::string certificate;
        std::string key;
        bool operator==(const Listen&) const = default;
    };
    std::optional<Listen> listen;

    Hooks::Config hooks;

    bool operator==(const Config&) const = default;
};

/// What the defaults depend on.
struct ConfigEnvironment {
    bool root = true;
    std::string home;             ///< $HOME
    std::string xdg_state_home;   ///< $XDG_STATE_HOME
    std::string xdg_runtime_dir;  ///< $XDG_RUNTIME_DIR
    static ConfigEnvironment of_process();
};

/// The configuration of an empty file.
Config default_config(const ConfigEnvironment& environment);
/// A configuration and all that is wrong with it: "FILE:LINE:COLUMN: KEY: expected …", a line each.
/// What is wrong is as in default_config(). Nothing of a text that is not TOML is read.
struct ReadConfig {
    Config config;
    std::vector<std::string> complaints;
};

/// Reads a file's text. `name`: the file, for the complaints; keys of webhooks are read from their
/// own files.
ReadConfig read_config(std::string_view text, const std::string& name,
                       const ConfigEnvironment& environment);
/// The same for a file; one that is not there has the defaults only if it `may_be_missing`.
ReadConfig read_config_file(const std::string& path, bool may_be_missing,
                            const ConfigEnvironment& environment);

/// One that is right, or the first complaint.
Result<Config, std::string> parse_config(std::string_view text, const std::string& name,
                                         const ConfigEnvironment& environment);
Result<Config, std::string> load_config(const std::string& path, bool may_be_missing,
                                        const ConfigEnvironment& environment);

/// Every key that read_config knows, "events.keep", "webhook.url", …, in the order of the file.
std::vector<std::string> config_keys();

}  // namespace hvis::manager

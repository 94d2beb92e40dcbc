#include "manager/config.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include <unistd.h>

#include "base/duration.h"
#include "base/table.h"
#include "control/events.h"
#include "manager/events/webhook.h"
#include "manager/toml_reader.h"

namespace hvis::manager {
namespace {

using std::chrono::milliseconds;

constexpr size_t kMaxPathBytes = 4095;
constexpr size_t kMaxNameBytes = 64;
constexpr size_t kMaxUrlBytes = 2048;
/// RUNTIME/vms/ID/control.sock must fit a socket's address.
constexpr size_t kMaxRuntimeBytes =
    kMaxSocketPath - std::string_view("/vms//control.sock").size() - 36;
/// What the Standard Webhooks specification allows.
constexpr size_t kMinSecretBytes = 24;
constexpr size_t kMaxSecretBytes = 64;
constexpr size_t kMaxFilterItems = 256;
constexpr size_t kMaxArguments = 64;

constexpr std::array<std::string_view, 3> kLauncherWords = {"auto", "systemd", "child"};
constexpr std::array<std::string_view, 3> kJournalWords = {"auto", "stderr", "none"};
constexpr std::array<std::string_view, 4> kSeverityWords = {"info", "warning", "error", "critical"};

std::string variable(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? std::string() : std::string(value);
}

void read_name(TomlReader& reader, bool there, std::string& name) {
    if (there) {
        reader.require("name");
    }
    reader.text("name", name, kMaxNameBytes);
    const bool plain = std::ranges::all_of(name, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '.' || c == '_' || c == '-';
    });
    if (!plain) {
        reader.complain("name", "expected letters, digits, '.', '_' and '-'");
    }
}

/// An event's name or number.
std::optional<uint16_t> event_number(const std::string& text) {
    for (const control::EventSpec& spec : control::event_table()) {
        const auto number = std::to_underlying(spec.id);
        if (text == spec.name || text == std::to_string(number)) {
            return number;
        }
    }
    return std::nullopt;
}

void read_filter(TomlReader& reader, HookFilter& filter) {
    if (const auto word = reader.choice("severity", kSeverityWords)) {
        filter.at_least = static_cast<control::Severity>(*word);
    }
    std::vector<std::string> events;
    reader.texts("events", events, kMaxFilterItems);
    for (const std::string& text : events) {
        if (const auto number = event_number(text)) {
            filter.ids.push_back(*number);
        } else {
            reader.complain("events", "no such event: " + text + "; docs/events.md lists them");
        }
    }
    reader.texts("vms", filter.vms, kMaxFilterItems);
}

/// "whsec_" and base64, as the Standard Webhooks specification has it.
std::optional<std::string> parse_secret(std::string_view text) {
    constexpr std::string_view kPrefix = "whsec_";
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) {
        text.remove_suffix(1);
    }
    if (!text.starts_with(kPrefix)) {
        return std::nullopt;
    }
    auto key = from_base64(text.substr(kPrefix.size()));
    const bool fits = key && key->size() >= kMinSecretBytes && key->size() <= kMaxSecretBytes;
    return fits ? key : std::nullopt;
}

void read_secret(TomlReader& reader, bool there, std::string& key) {
    constexpr std::string_view kExpected =
        "expected whsec_ and 24..64 bytes in base64: echo whsec_$(head -c32 /dev/urandom|base64)";
    std::string secret;
    std::string file;
    reader.text("secret", secret, kMaxPathBytes);
    reader.path("secret_file", file, kMaxPathBytes);
    if (!there) {
        return;
    }
    if (reader.has("secret") == reader.has("secret_file")) {
        reader.complain("secret", "expected either secret or secret_file");
        return;
    }
    std::string_view name = "secret";
    if (reader.has("secret_file")) {
        name = "secret_file";
        if (file.empty()) {
            return;  // complained of already, as of an empty secret
        }
        std::ifstream stream(file, std::ios::binary);
        secret.assign(std::istreambuf_iterator<char>(stream), {});
        if (!stream) {
            reader.complain(name, "the file cannot be read");
            return;
        }
    }
    if (auto parsed = parse_secret(secret)) {
        key = *std::move(parsed);
    } else if (!secret.empty() || reader.has("secret_file")) {
        reader.complain(name, kExpected);
    }
}

void read_webhook(TomlReader& reader, bool there, WebhookConfig& webhook) {
    read_name(reader, there, webhook.name);
    if (there) {
        reader.require("url");
    }
    reader.text("url", webhook.url, kMaxUrlBytes);
    const bool http = webhook.url.starts_with("http://") || webhook.url.starts_with("https://");
    if (!webhook.url.empty() && !http) {
        reader.complain("url", "expected http://… or https://…");
    }
    read_secret(reader, there, webhook.key);
    reader.path("ca_file", webhook.ca_file, kMaxPathBytes);
    reader.duration("timeout", webhook.timeout, milliseconds(100), std::chrono::minutes(5));
    read_filter(reader, webhook.filter);
}

void read_program(TomlReader& reader, bool there, ExecHookConfig& program) {
    read_name(reader, there, program.name);
    if (there) {
        reader.require("command");
    }
    const bool is_list = reader.texts("command", program.command, kMaxArguments);
    const bool absolute = !program.command.empty() && program.command.front().starts_with('/');
    if (is_list && reader.has("command") && !absolute) {
        reader.complain("command", "expected a list: the program's absolute path, then arguments");
    }
    reader.duration("timeout", program.timeout, milliseconds(100), std::chrono::hours(1));
    read_filter(reader, program.filter);
}

/// Webhooks and programs share their names: each has a place in the log under it.
void read_hooks(TomlReader& root, Hooks::Config& hooks) {
    std::set<std::string> names;
    const auto check_name = [&](TomlReader& reader, const std::string& name) {
        if (!name.empty() && !names.insert(name).second) {
            reader.complain("name", "given to another webhook or hook already");
        }
    };
    root.sections("webhook", Hooks::kMaxHooks, [&](TomlReader& reader, bool there) {
        WebhookConfig webhook;
        read_webhook(reader, there, webhook);
        if (there) {
            check_name(reader, webhook.name);
            hooks.webhooks.push_back(std::move(webhook));
        }
    });
    root.sections("hook", Hooks::kMaxHooks, [&](TomlReader& reader, bool there) {
        ExecHookConfig program;
        read_program(reader, there, program);
        if (there) {
            check_name(reader, program.name);
            hooks.programs.push_back(std::move(program));
        }
    });
}

void read_roles(TomlReader& reader, std::string_view key, std::map<std::string, Role>& roles) {
    reader.names(key, [&](const std::string& name, const std::string& word) {
        const auto found = std::ranges::find(kRoleWords, word);
        if (found == kRoleWords.end()) {
            reader.complain(key, name + ": expected one of viewer, operator, administrator");
            return;
        }
        roles[name] = static_cast<Role>(found - kRoleWords.begin());
    });
}

void read_listen(TomlReader& reader, bool there, Config::Listen& listen) {
    for (const std::string_view key : {"address", "certificate", "key"}) {
        if (there) {
            reader.require(key);
        }
    }
    reader.text("address", listen.address, kMaxNameBytes);
    const size_t colon = listen.address.rfind(':');
    if (!listen.address.empty() &&
        (colon == std::string::npos || colon == 0 || colon + 1 == listen.address.size())) {
        reader.complain("address", "expected ADDRESS:PORT, such as 0.0.0.0:8443 or [::]:8443");
    }
    reader.path("certificate", listen.certificate, kMaxPathBytes);
    reader.path("key", listen.key, kMaxPathBytes);
}

void read_events(TomlReader& reader, Config::Events& events) {
    reader.integer("keep", events.keep, 1000, 1'000'000'000);
    milliseconds age = events.max_age;
    reader.duration("max_age", age, std::chrono::hours(1), std::chrono::hours(24 * 3650));
    events.max_age = std::chrono::duration_cast<std::chrono::hours>(age);
    if (const auto word = reader.choice("journal", kJournalWords)) {
        events.journal = static_cast<JournalSink::Where>(*word);
    }
}

void read_socket(TomlReader& reader, Config::Socket& socket) {
    reader.path("path", socket.path, kMaxSocketPath);
    uint64_t mode = socket.mode;
    reader.integer("mode", mode, 0, 0777);
    socket.mode = static_cast<uint32_t>(mode);
    reader.text("group", socket.group, kMaxNameBytes);
}

void read_document(TomlReader& root, Config& config) {
    root.section("directories", [&](TomlReader& reader) {
        reader.path("state", config.directories.state, kMaxPathBytes);
        reader.path("runtime", config.directories.runtime, kMaxRuntimeBytes);
    });
    root.section("workers", [&](TomlReader& reader) {
        if (const auto word = reader.choice("launcher", kLauncherWords)) {
            config.workers.launcher = static_cast<Config::Workers::Launcher>(*word);
        }
        reader.path("program", config.workers.program, kMaxPathBytes);
    });
    root.section("store",
                 [&](TomlReader& reader) { reader.size("max_size", config.store.max_size); });
    root.section("events", [&](TomlReader& reader) { read_events(reader, config.events); });
    root.section("socket", [&](TomlReader& reader) { read_socket(reader, config.socket); });
    root.section("roles", [&](TomlReader& reader) {
        read_roles(reader, "users", config.roles.users);
        read_roles(reader, "groups", config.roles.groups);
    });
    root.section("listen", [&](TomlReader& reader) {
        Config::Listen listen;
        const bool there = root.has("listen");
        read_listen(reader, there, listen);
        if (there) {
            config.listen = std::move(listen);
        }
    });
    read_hooks(root, config.hooks);
}

Result<Config, std::string> right_or_first(ReadConfig read) {
    if (!read.complaints.empty()) {
        return std::unexpected(std::move(read.complaints.front()));
    }
    return std::move(read.config);
}

}  // namespace

ConfigEnvironment ConfigEnvironment::of_process() {
    return {.root = ::geteuid() == 0,
            .home = variable("HOME"),
            .xdg_state_home = variable("XDG_STATE_HOME"),
            .xdg_runtime_dir = variable("XDG_RUNTIME_DIR")};
}

Config default_config(const ConfigEnvironment& environment) {
    Config config;
    if (environment.root) {
        config.directories = {.state = "/var/lib/hvis", .runtime = "/run/hvis"};
        return config;
    }
    const std::string state = environment.xdg_state_home.empty()
                                  ? environment.home + "/.local/state"
                                  : environment.xdg_state_home;
    config.directories.state = state + "/hvis";
    config.directories.runtime = environment.xdg_runtime_dir.empty()
                                     ? config.directories.state + "/run"
                                     : environment.xdg_runtime_dir + "/hvis";
    return config;
}

ReadConfig read_config(std::string_view text, const std::string& name,
                       const ConfigEnvironment& environment) {
    ReadConfig result{.config = default_config(environment), .complaints = {}};
    if (text.size() > kMaxConfigBytes) {
        result.complaints.push_back(name + ": longer than " + std::to_string(kMaxConfigBytes) +
                                    " bytes");
        return result;
    }
    toml::table table;
    try {
        table = toml::parse(text, name);
    } catch (const toml::parse_error& error) {
        const toml::source_position& place = error.source().begin;
        result.complaints.push_back(name + ':' + std::to_string(place.line) + ':' +
                                    std::to_string(place.column) +
                                    ": not valid TOML: " + printable(error.description()));
        return result;
    }
    TomlReader::Document document{.name = name, .errors = {}, .keys = {}};
    {
        TomlReader root(document, &table, {});
        read_document(root, result.config);
    }
    for (const std::string& error : document.errors) {
        result.complaints.push_back(printable(error));
    }
    return result;
}

ReadConfig read_config_file(const std::string& path, bool may_be_missing,
                            const ConfigEnvironment& environment) {
    if (may_be_missing && ::access(path.c_str(), F_OK) != 0) {
        return {.config = default_config(environment), .complaints = {}};
    }
    std::ifstream file(path, std::ios::binary);
    std::string text(kMaxConfigBytes + 1, '\0');
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (file.bad() || (file.gcount() == 0 && !file.eof())) {
        return {.config = default_config(environment),
                .complaints = {path + ": the file cannot be read"}};
    }
    text.resize(static_cast<size_t>(file.gcount()));
    return read_config(text, path, environment);
}

Result<Config, std::string> parse_config(std::string_view text, const std::string& name,
                                         const ConfigEnvironment& environment) {
    return right_or_first(read_config(text, name, environment));
}

Result<Config, std::string> load_config(const std::string& path, bool may_be_missing,
                                        const ConfigEnvironment& environment) {
    return right_or_first(read_config_file(path, may_be_missing, environment));
}

std::vector<std::string> config_keys() {
    TomlReader::Document document;
    Config config;
    TomlReader root(document, nullptr, {});
    read_document(root, config);
    return document.keys;
}

}  // namespace hvis::manager

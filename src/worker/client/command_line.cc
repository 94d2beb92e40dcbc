#include "worker/client/command_line.h"

#include <algorithm>
#include <charconv>
#include <memory>
#include <sstream>

#include <CLI/CLI.hpp>

#include "base/duration.h"
#include "base/utf16.h"

namespace hvis::worker {
namespace {

using control::Command;
using control::Milliseconds;

constexpr int kUsage = 2;

/// What the options of all verbs together come to.
struct Parsed {
    std::optional<Command> command;
    std::string config_path;
    std::string socket;
    bool check = false;
    bool json = false;
    bool events_table = false;
    bool follow = false;
};

/// A verb with its example, e.g. "kvp get OSName".
CLI::App* add_verb(CLI::App& parent, const char* name, const char* description,
                   const std::string& example) {
    CLI::App* verb = parent.add_subcommand(name, description);
    verb->footer("Example:\n  hvis-vm --connect web.sock " + example);
    verb->fallthrough();
    return verb;
}

/// A verb without options.
void add_plain(CLI::App& parent, Parsed& parsed, const char* name, const char* description,
               const std::string& example, const Command& command) {
    add_verb(parent, name, description, example)->callback([&parsed, command] {
        parsed.command = command;
    });
}

template <class Assign>
void add_duration(CLI::App& verb, const char* name, const char* description, Assign assign) {
    verb.add_option_function<std::string>(
            name,
            [name, assign](const std::string& text) {
                const auto duration = parse_duration(text);
                if (!duration) {
                    throw CLI::ValidationError(name, std::string(kDurationExpected));
                }
                assign(*duration);
            },
            description)
        ->type_name("DURATION");
}

template <class WithTimeout>
void add_timeout(CLI::App& verb, const std::shared_ptr<WithTimeout>& command) {
    add_duration(verb, "--timeout", "give up after this long",
                 [command](Milliseconds timeout) { command->timeout = timeout; });
}

/// An option or argument whose value is one of `words`.
template <class Assign>
CLI::Option* add_choice(CLI::App& verb, const char* name, std::span<const std::string_view> words,
                        const char* description, Assign assign) {
    std::string list;
    for (const std::string_view word : words) {
        list += (list.empty() ? "" : "|") + std::string(word);
    }
    return verb
        .add_option_function<std::string>(
            name,
            [name, words, list, assign](const std::string& text) {
                const auto found = std::ranges::find(words, text);
                if (found == words.end()) {
                    throw CLI::ValidationError(name, "expected one of " + list);
                }
                assign(static_cast<size_t>(found - words.begin()));
            },
            description)
        ->type_name(list);
}

template <class WithPool>
void add_pool(CLI::App& verb, const std::shared_ptr<WithPool>& command) {
    add_choice(verb, "--pool", control::kPoolWords, "which pool",
               [command](size_t word) { command->pool = static_cast<control::Pool>(word); });
}

/// The verb stores its command when it was the one given.
template <class Specific>
void finish(CLI::App& verb, Parsed& parsed, const std::shared_ptr<Specific>& command) {
    verb.callback([&parsed, command] { parsed.command = *command; });
}

void add_machine_verbs(CLI::App& app, Parsed& parsed) {
    using control::MachineCommand;
    using Action = MachineCommand::Action;
    add_plain(app, parsed, "status", "State, guest and services on one screen", "status --json",
              control::StatusCommand{});
    add_plain(app, parsed, "stats", "Exits by reason, and counters", "stats",
              control::StatsCommand{});
    add_plain(app, parsed, "pause", "Stop the virtual processors", "pause",
              MachineCommand{Action::kPause});
    add_plain(app, parsed, "resume", "Let the virtual processors go on", "resume",
              MachineCommand{Action::kResume});
    add_plain(app, parsed, "reset", "Reset the machine without asking the guest", "reset",
              MachineCommand{Action::kReset});
    add_plain(app, parsed, "power-off", "Stop the machine without asking the guest", "power-off",
              MachineCommand{Action::kPowerOff});
}

void add_shutdown_verb(CLI::App& app, Parsed& parsed, const char* name, const char* description,
                       control::ShutdownCommand::Action action) {
    auto command = std::make_shared<control::ShutdownCommand>();
    command->action = action;
    CLI::App* verb = add_verb(app, name, description, std::string(name) + " --timeout 2m");
    verb->add_flag("--force", command->force,
                   "the guest is to disregard unsaved work of its users");
    verb->add_option("--message", command->message, "text that some guests show");
    verb->add_option("--reason", command->reason, "a Windows SHTDN_REASON code");
    add_timeout(*verb, command);
    finish(*verb, parsed, command);
}

void add_shutdown_verbs(CLI::App& app, Parsed& parsed) {
    using Action = control::ShutdownCommand::Action;
    add_shutdown_verb(app, parsed, "shutdown", "Ask the guest to shut down, and wait until it has",
                      Action::kShutdown);
    add_shutdown_verb(app, parsed, "restart", "Ask the guest to restart, and wait until it has",
                      Action::kRestart);
    add_shutdown_verb(app, parsed, "hibernate", "Ask the guest to hibernate, and wait until it has",
                      Action::kHibernate);
}

void add_wait_verb(CLI::App& app, Parsed& parsed) {
    auto command = std::make_shared<control::WaitCommand>();
    CLI::App* verb =
        add_verb(app, "wait", "Wait until something is so", "wait --for ip --timeout 60s");
    add_choice(
        *verb, "--for", control::kConditionWords, "what to wait for",
        [command](size_t word) { command->condition = static_cast<control::Condition>(word); })
        ->required();
    add_timeout(*verb, command);
    finish(*verb, parsed, command);
}

/// A noun, which needs one of its verbs.
CLI::App& add_noun(CLI::App& app, const char* name, const char* description) {
    CLI::App* noun = app.add_subcommand(name, description);
    noun->require_subcommand(1);
    noun->fallthrough();
    return *noun;
}

void add_service_verbs(CLI::App& app, Parsed& parsed) {
    CLI::App& noun = add_noun(app, "service", "The integration services");
    add_plain(noun, parsed, "list", "All services with their status", "service list",
              control::ServiceListCommand{});
    for (const bool enable : {true, false}) {
        auto command = std::make_shared<control::ServiceSwitchCommand>();
        command->enable = enable;
        const char* name = enable ? "enable" : "disable";
        CLI::App* verb =
            add_verb(noun, name,
                     enable ? "Offer a service to the guest" : "Withdraw a service from the guest",
                     std::string("service ") + name + " kvp");
        add_choice(
            *verb, "SERVICE", control::kServiceWords, "which service",
            [command](size_t word) { command->service = static_cast<control::Service>(word); })
            ->required();
        finish(*verb, parsed, command);
    }
}

void add_kvp_readers(CLI::App& noun, Parsed& parsed) {
    auto list = std::make_shared<control::KvpListCommand>();
    CLI::App* list_verb = add_verb(noun, "list", "All pairs of a pool", "kvp list --pool guest");
    add_pool(*list_verb, list);
    add_timeout(*list_verb, list);
    finish(*list_verb, parsed, list);

    auto get = std::make_shared<control::KvpGetCommand>();
    CLI::App* get_verb = add_verb(noun, "get", "The value of a key", "kvp get OSName");
    get_verb->add_option("KEY", get->key, "which key")->required();
    add_pool(*get_verb, get);
    add_timeout(*get_verb, get);
    finish(*get_verb, parsed, get);
}

void add_kvp_verbs(CLI::App& app, Parsed& parsed) {
    CLI::App& noun = add_noun(app, "kvp", "Key/value pairs");
    add_kvp_readers(noun, parsed);
    for (const bool only_add : {false, true}) {
        auto set = std::make_shared<control::KvpSetCommand>();
        set->only_add = only_add;
        CLI::App* verb =
            add_verb(noun, only_add ? "add" : "set",
                     only_add ? "Add a pair whose key is not there" : "Add or change a pair",
                     only_add ? "kvp add role web" : "kvp set role web");
        verb->add_option("KEY", set->key, "which key")->required();
        verb->add_option("VALUE", set->value, "its value")->required();
        add_pool(*verb, set);
        add_timeout(*verb, set);
        finish(*verb, parsed, set);
    }
    auto remove = std::make_shared<control::KvpDeleteCommand>();
    CLI::App* verb = add_verb(noun, "delete", "Remove a pair", "kvp delete role");
    verb->add_option("KEY", remove->key, "which key")->required();
    add_pool(*verb, remove);
    add_timeout(*verb, remove);
    finish(*verb, parsed, remove);
}

void add_ip_and_time_verbs(CLI::App& app, Parsed& parsed) {
    auto show = std::make_shared<control::IpShowCommand>();
    CLI::App& ip = add_noun(app, "ip", "The guest's addresses");
    CLI::App* show_verb = add_verb(ip, "show", "Addresses that the guest reports", "ip show");
    add_timeout(*show_verb, show);
    finish(*show_verb, parsed, show);

    CLI::App& time = add_noun(app, "time", "The guest's clock");
    add_plain(time, parsed, "show", "What the time service has done", "time show",
              control::TimeShowCommand{});
    auto sync = std::make_shared<control::TimeSyncCommand>();
    CLI::App* sync_verb = add_verb(time, "sync", "Have the guest set its clock now", "time sync");
    add_timeout(*sync_verb, sync);
    finish(*sync_verb, parsed, sync);
}

/// "N/M" or "N".
void read_misses(const std::string& text, control::HeartbeatPolicyChange& change) {
    const char* const end = text.data() + text.size();
    uint32_t misses = 0;
    auto read = std::from_chars(text.data(), end, misses);
    bool good = read.ec == std::errc();
    change.misses = misses;
    if (good && read.ptr != end) {
        uint32_t window = 0;
        good = *read.ptr == '/';
        read = std::from_chars(read.ptr + 1, end, window);
        good = good && read.ec == std::errc() && read.ptr == end;
        change.window = window;
    }
    if (!good) {
        throw CLI::ValidationError("--misses", "expected N/M, such as 2/3");
    }
}

void add_heartbeat_verbs(CLI::App& app, Parsed& parsed) {
    CLI::App& noun = add_noun(app, "heartbeat", "Watching over the guest");
    add_plain(noun, parsed, "show", "Policy, counters and status", "heartbeat show",
              control::HeartbeatShowCommand{});
    auto command = std::make_shared<control::HeartbeatSetCommand>();
    CLI::App* verb = add_verb(noun, "set", "Change the policy",
                              "heartbeat set --misses 3/5 --on-loss reset --attempts 2");
    add_duration(*verb, "--interval", "between two beats",
                 [command](Milliseconds time) { command->change.interval = time; });
    add_duration(*verb, "--latency", "a later answer is a miss",
                 [command](Milliseconds time) { command->change.latency = time; });
    verb->add_option_function<std::string>(
            "--misses", [command](const std::string& text) { read_misses(text, command->change); },
            "lost after N misses in the last M beats")
        ->type_name("N/M");
    add_duration(*verb, "--grace", "no verdict for so long after start, resume and enable",
                 [command](Milliseconds time) { command->change.grace = time; });
    add_choice(
        *verb, "--on-loss", control::kOnLossWords, "what is done then",
        [command](size_t word) { command->change.on_loss = static_cast<control::OnLoss>(word); });
    verb->add_option("--attempts", command->change.attempts, "how often that is done");
    finish(*verb, parsed, command);
}

void add_events_verb(CLI::App& app, Parsed& parsed) {
    auto list = std::make_shared<control::EventsListCommand>();
    auto since = std::make_shared<std::optional<uint64_t>>();
    CLI::App* verb = add_verb(app, "events", "What has happened", "events --follow --since 1");
    verb->add_flag("--follow", parsed.follow, "go on with what happens from now");
    verb->add_option("--since", *since, "from this sequence number");
    verb->add_option("--limit", list->limit, "at most so many");
    verb->callback([&parsed, list, since] {
        list->since = since->value_or(0);
        if (parsed.follow) {
            parsed.command = control::EventsSubscribeCommand{.since = *since};
        } else {
            parsed.command = *list;
        }
    });
}

void add_everything(CLI::App& app, Parsed& parsed) {
    app.set_version_flag("--version", "hvis-vm " HVIS_VERSION);
    app.footer(
        "Examples:\n"
        "  hvis-vm web.json                               run the machine\n"
        "  hvis-vm web.json --check                       only check its configuration\n"
        "  hvis-vm --connect web.sock status              ask a running machine\n"
        "  hvis-vm --connect web.sock kvp get --help      more about a verb\n"
        "\n"
        "Exit status: 0 done, 1 failed or refused, 2 usage, 3 not found, 4 timed out,\n"
        "5 service disabled or guest not connected. hvis-vm(1) tells more.");
    app.add_option("CONFIG", parsed.config_path, "configuration file of the machine to run");
    app.add_flag("--check", parsed.check, "check the configuration and leave");
    app.add_option("--connect", parsed.socket, "control socket of a running machine")
        ->type_name("SOCKET");
    app.add_flag("--json", parsed.json, "print JSON");
    app.add_flag("--events-table", parsed.events_table, "print docs/events.md");
    add_machine_verbs(app, parsed);
    add_shutdown_verbs(app, parsed);
    add_wait_verb(app, parsed);
    add_service_verbs(app, parsed);
    add_kvp_verbs(app, parsed);
    add_ip_and_time_verbs(app, parsed);
    add_heartbeat_verbs(app, parsed);
    add_events_verb(app, parsed);
    app.require_subcommand(0, 1);
}

int usage(std::string& errors, const std::string& what, std::string_view next_step) {
    errors += "hvis-vm: " + escape_for_display(what) + "\n  " + std::string(next_step) + "\n";
    return kUsage;
}

constexpr std::string_view kSeeHelp = "see hvis-vm --help";

ParsedCommandLine client_options(const Parsed& parsed, std::string& errors) {
    if (!parsed.command) {
        return usage(errors,
                     parsed.config_path.empty() ? "--connect needs a verb, such as status"
                                                : "no such verb: " + parsed.config_path,
                     kSeeHelp);
    }
    if (parsed.socket.empty()) {
        return usage(errors, "a verb needs --connect SOCKET", kSeeHelp);
    }
    if (!parsed.config_path.empty()) {
        return usage(errors, "too many arguments: " + parsed.config_path, kSeeHelp);
    }
    if (parsed.check) {
        return usage(errors, "--check is for a configuration file", kSeeHelp);
    }
    // The worker would refuse what is out of bounds; we say so without asking it.
    const auto encoded = control::encode_command(*parsed.command);
    if (const auto checked = control::decode_command(encoded.verb, *encoded.args); !checked) {
        return usage(errors, checked.error().message, kSeeHelp);
    }
    ClientOptions options;
    options.socket = parsed.socket;
    options.command = *parsed.command;
    options.json = parsed.json;
    options.follow = parsed.follow;
    return options;
}

}  // namespace

ParsedCommandLine parse_command_line(int argc, const char* const* argv, std::string& output,
                                     std::string& errors) {
    Parsed parsed;
    CLI::App app(
        "Runs one virtual machine with Hyper-V integration services, or steers one that "
        "runs.",
        "hvis-vm");
    try {
        add_everything(app, parsed);
        app.parse(argc, argv);
    } catch (const CLI::Success& success) {  // --help, --version
        std::ostringstream out;
        app.exit(success, out, out);
        output += out.str();
        return 0;
    } catch (const CLI::ParseError& error) {
        return usage(errors, error.what(), kSeeHelp);
    }
    if (parsed.events_table) {
        return EventsTableOptions{};
    }
    if (parsed.command || !parsed.socket.empty()) {
        return client_options(parsed, errors);
    }
    if (parsed.config_path.empty()) {
        return usage(errors, "say which configuration to run, or --connect SOCKET VERB", kSeeHelp);
    }
    return RunOptions{.config_path = parsed.config_path, .check_only = parsed.check};
}

}  // namespace hvis::worker

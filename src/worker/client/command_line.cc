#include "worker/client/command_line.h"

#include <sstream>

#include "base/utf16.h"
#include "worker/client/verb_options.h"

namespace hvis::worker {
namespace {

constexpr int kUsage = 2;

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
    app.add_flag("--probe", parsed.probe, "say what this host's KVM can do for Hyper-V guests");
    app.add_flag("--events-table", parsed.events_table, "print docs/events.md");
    add_machine_verbs(app, parsed);
    add_shutdown_verbs(app, parsed);
    add_service_verbs(app, parsed);
    add_kvp_verbs(app, parsed);
    add_ip_verbs(app, parsed);
    add_time_verbs(app, parsed);
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
    if (parsed.probe) {
        return ProbeOptions{.json = parsed.json};
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

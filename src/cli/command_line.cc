#include "cli/command_line.h"

#include <algorithm>
#include <sstream>

#include <CLI/CLI.hpp>

#include "cli/verbs/verbs.h"
#include "cli/wording.h"

namespace hvis::cli {
namespace {

void add_global_options(CLI::App& app, Chosen& chosen) {
    app.set_version_flag("--version", "hvis " HVIS_VERSION, "print the version of hvis alone");
    add_flag(app, "--json", chosen.json, "print JSON, for programs");
    EndpointOptions& endpoint = chosen.endpoint;
    add_text(app, "--socket", endpoint.socket, "where hvisd listens on this host ($HVIS_SOCKET)",
             type_name::kFile);
    add_text(app, "--url", endpoint.url, "hvisd on another host, https://… ($HVIS_URL)", "URL");
    add_text(app, "--token-file", endpoint.token_file, "token for that hvisd ($HVIS_TOKEN)",
             type_name::kFile);
    add_text(app, "--ca-file", endpoint.ca_file, "who vouches for that hvisd (the system's CAs)",
             type_name::kFile);
}

void add_all_verbs(CLI::App& app, Chosen& chosen) {
    CLI::App& vm = add_noun(app, "vm", "Virtual machines");
    add_vm_verbs(app, vm, chosen);
    add_power_verbs(app, vm, chosen);
    add_vm_edit_verbs(vm, chosen);
    add_status_verbs(app, chosen);
    add_service_verbs(app, chosen);
    add_heartbeat_verbs(app, chosen);
    add_time_verbs(app, chosen);
    CLI::App& kvp = add_noun(app, "kvp", "Key/value pairs, exchanged with a guest");
    add_kvp_verbs(kvp, chosen);
    add_kvp_watch_verb(kvp, chosen);
    add_kvp_file_verbs(kvp, chosen);
    add_ip_verbs(app, chosen);
    add_event_verbs(app, chosen);
    add_console_verbs(app, chosen);
    add_operation_verbs(app, chosen);
    add_host_verbs(app, chosen);
    add_doctor_verbs(app, chosen);
    add_completion_verb(app, chosen);
}

/// For a line with nothing on it: what is typed most.
constexpr const char* kMostUsed =
    "hvis: a verb is missing. Those that are used most:\n"
    "  hvis list                           all VMs, one a line\n"
    "  hvis status NAME                    one of them, on one screen\n"
    "  hvis start NAME, hvis stop NAME     switch it on; shut it down cleanly\n"
    "  hvis console NAME                   its serial console\n"
    "  hvis vm create NEW --kernel FILE    define one\n"
    "  hvis events --follow                what happens\n"
    "  hvis doctor                         what on this host is not as it should be\n"
    "  hvis --help                         all verbs\n";

/// "--append=" is an empty value; CLI11 would take the next word for it.
std::vector<std::string> with_empty_values(std::span<const std::string> words) {
    std::vector<std::string> all;
    bool options = true;
    for (const std::string& word : words) {
        options = options && word != "--";
        if (options && word.starts_with("--") && word.find('=') + 1 == word.size()) {
            all.push_back(word.substr(0, word.size() - 1));
            all.emplace_back();
        } else {
            all.push_back(word);
        }
    }
    return all;
}

}  // namespace

std::shared_ptr<CLI::App> make_tree(Chosen& chosen) {
    auto app = std::make_shared<CLI::App>(
        "Virtual machines with Hyper-V integration services: define, run and look after them.",
        "hvis");
    add_global_options(*app, chosen);
    add_all_verbs(*app, chosen);
    app->require_subcommand(1);
    app->fallthrough();
    app->footer(
        "Examples:\n"
        "  hvis list                                  all VMs\n"
        "  hvis status web                            one of them, on one screen\n"
        "  hvis kvp get web OSName                    what its guest says of itself\n"
        "  hvis vm create --help                      more about a verb\n"
        "\n"
        "Exit status: 0 done, 1 failed or refused, 2 usage, 3 not found, 4 timed out,\n"
        "5 service disabled or guest not connected, 130 interrupted. hvis(1) tells more.");
    return app;
}

std::optional<int> parse(CLI::App& tree, std::span<const std::string> words, const Chosen& chosen,
                         const Output& output) {
    if (words.empty()) {
        output.err(kMostUsed);
        return control::exit_status(control::ErrorCode::kUsage);
    }
    std::vector<std::string> all = with_empty_values(words);
    std::ranges::reverse(all);  // CLI11 takes them from the back.
    try {
        tree.parse(std::move(all));
    } catch (const CLI::Success& success) {  // --help, --version
        std::ostringstream out;
        tree.exit(success, out, out);
        output.out(out.str());
        return 0;
    } catch (const CLI::ParseError& error) {
        return report(output, chosen.json, usage_of(tree, error));
    }
    return std::nullopt;
}

}  // namespace hvis::cli

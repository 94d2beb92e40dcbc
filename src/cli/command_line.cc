#include "cli/command_line.h"

#include <sstream>

#include <CLI/CLI.hpp>

#include "cli/verbs/verbs.h"

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

/// What is wrong with the line, and whose help tells more.
Failure usage_of(const CLI::App& tree, const CLI::ParseError& error) {
    const CLI::App* deepest = &tree;
    while (!deepest->get_subcommands().empty()) {
        deepest = deepest->get_subcommands().front();
    }
    std::string path;
    for (const CLI::App* app = deepest; app != nullptr; app = app->get_parent()) {
        path = app->get_name() + (path.empty() ? "" : " ") + path;
    }
    // CLI11 misses a verb before it looks at the words that are none.
    const auto words = tree.remaining(true);
    const bool no_verb = dynamic_cast<const CLI::RequiredError*>(&error) != nullptr &&
                         deepest->get_require_subcommand_min() > 0 && !words.empty();
    return control::make_failure(
        control::ErrorCode::kUsage,
        no_verb ? "'" + path + "' has no verb '" + words.front() + "'" : error.what(),
        "see " + path + " --help");
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
    // CLI11 takes them from the back.
    std::vector<std::string> reversed(words.rbegin(), words.rend());
    try {
        tree.parse(std::move(reversed));
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

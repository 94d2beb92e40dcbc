// Verbs that ask the guest for something, and those of its services.

#include "worker/client/verb_options.h"

namespace hvis::worker {
namespace {

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

    auto watch = std::make_shared<control::KvpWatchCommand>();
    CLI::App* watch_verb =
        add_verb(noun, "watch", "Print changes of a pool until interrupted", "kvp watch");
    add_pool(*watch_verb, watch);
    watch_verb->add_flag("--initial", watch->initial, "begin with what is there");
    finish(*watch_verb, parsed, watch);
}

}  // namespace

void add_shutdown_verbs(CLI::App& app, Parsed& parsed) {
    using Action = control::ShutdownCommand::Action;
    add_shutdown_verb(app, parsed, "shutdown", "Ask the guest to shut down, and wait until it has",
                      Action::kShutdown);
    add_shutdown_verb(app, parsed, "restart", "Ask the guest to restart, and wait until it has",
                      Action::kRestart);
    add_shutdown_verb(app, parsed, "hibernate", "Ask the guest to hibernate, and wait until it has",
                      Action::kHibernate);
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

void add_ip_verbs(CLI::App& app, Parsed& parsed) {
    auto show = std::make_shared<control::IpShowCommand>();
    CLI::App& ip = add_noun(app, "ip", "The guest's addresses");
    CLI::App* show_verb = add_verb(ip, "show", "Addresses that the guest reports", "ip show");
    add_timeout(*show_verb, show);
    finish(*show_verb, parsed, show);

    auto set = std::make_shared<control::IpSetCommand>();
    CLI::App* set_verb =
        add_verb(ip, "set", "Have the guest configure a network adapter",
                 "ip set f8615163-df3e-46c5-913f-f2d2f965ed0e --address 10.0.0.2/24 "
                 "--gateway 10.0.0.1");
    set_verb->add_option("ADAPTER", set->adapter, "instance of the network channel")->required();
    set_verb->add_flag("--dhcp", set->dhcp, "have it ask for an address");
    set_verb->add_option("--address", set->addresses, "ADDRESS/PREFIX; may be given again")
        ->type_name("ADDRESS");
    set_verb->add_option("--gateway", set->gateways, "may be given again")->type_name("ADDRESS");
    set_verb->add_option("--dns", set->dns_servers, "may be given again")->type_name("ADDRESS");
    add_timeout(*set_verb, set);
    finish(*set_verb, parsed, set);
}

void add_time_verbs(CLI::App& app, Parsed& parsed) {
    CLI::App& time = add_noun(app, "time", "The guest's clock");
    add_plain(time, parsed, "show", "What the time service has done", "time show",
              control::TimeShowCommand{});
    auto sync = std::make_shared<control::TimeSyncCommand>();
    CLI::App* sync_verb = add_verb(time, "sync", "Have the guest set its clock now", "time sync");
    add_timeout(*sync_verb, sync);
    finish(*sync_verb, parsed, sync);
}

}  // namespace hvis::worker

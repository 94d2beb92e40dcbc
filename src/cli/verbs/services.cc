#include <nlohmann/json.hpp>

#include "cli/summary.h"
#include "cli/verbs/verbs.h"
#include "control/commands.h"
#include "control/show_fields.h"

namespace hvis::cli {
namespace {

struct ListServices {
    std::string vm;

    Result<void, Failure> run(Session& session) const {
        const Document list = HVIS_TRY(session.api.get(Target::vm(vm) / "services"));
        std::string later;
        if (const Json& others = control::member_of(*list, "not_offered"); others.is_array()) {
            for (const Json& service : others) {
                later += (later.empty() ? "" : ", ") + control::text_at(service, "service");
            }
        }
        session.print(*list, services_text(control::member_of(*list, "services")) +
                                 (later.empty() ? "" : "not in this version: " + later + "\n"));
        return {};
    }
};

struct SwitchService {
    bool enable = true;
    std::string vm;
    std::string service;

    Result<void, Failure> run(Session& session) const {
        const Document state = HVIS_TRY(session.api.send(
            "PATCH", Target::vm(vm) / "services" / service, {{"enabled", enable}}));
        std::string text = service + " of " + vm + (enable ? " is enabled\n" : " is disabled\n");
        if (const std::string note = control::text_at(*state, "note"); !note.empty()) {
            text += note + "\n";
        }
        session.print(*state, text);
        return {};
    }
};

}  // namespace

void add_service_verbs(CLI::App& app, Chosen& chosen) {
    CLI::App& noun = add_noun(app, "service", "The integration services of a VM");
    CLI::App& list = add_verb(noun, "list", "All services with their status", "service list web");
    add_vm(list, choose<ListServices>(list, chosen)->vm);
    const auto add_switch = [&](bool enable, const char* name, const char* description) {
        CLI::App& app_switch =
            add_verb(noun, name, description, std::string("service ") + name + " web kvp");
        const auto verb = choose<SwitchService>(app_switch, chosen);
        verb->enable = enable;
        add_vm(app_switch, verb->vm);
        add_argument(app_switch, type_name::kService, verb->service, "which service");
    };
    add_switch(true, "enable", "Offer a service to the guest, now and from now on");
    add_switch(false, "disable", "Withdraw a service from the guest, now and from now on");
}

}  // namespace hvis::cli

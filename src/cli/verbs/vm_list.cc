#include <nlohmann/json.hpp>

#include "base/duration.h"
#include "base/table.h"
#include "cli/summary.h"
#include "cli/verbs/verbs.h"

namespace hvis::cli {
namespace {

struct ListVms {
    std::string state;

    Result<void, Failure> run(Session& session) const {
        const Document list = HVIS_TRY(session.api.get(Target("/vms").with("state", state)));
        session.print(*list, summaries_text(*list));
        return {};
    }
};

struct ShowVm {
    std::string vm;

    Result<void, Failure> run(Session& session) const {
        const Document summary = HVIS_TRY(session.api.get(Target::vm(vm)));
        session.print(*summary, definition_text(*summary));
        return {};
    }
};

void add_list(CLI::App& parent, Chosen& chosen, const char* example) {
    CLI::App& list = add_verb(parent, "list", "All VMs, one a line", example);
    const auto verb = choose<ListVms>(list, chosen);
    add_choice(list, "--state", verb->state, kStateWords, "only those in this state");
}

}  // namespace

void add_vm_verbs(CLI::App& app, CLI::App& vm, Chosen& chosen) {
    add_list(app, chosen, "list --state running");
    add_list(vm, chosen, "vm list --json");
    CLI::App& show = add_verb(vm, "show", "How a VM is defined", "vm show web");
    add_vm(show, choose<ShowVm>(show, chosen)->vm);
}

}  // namespace hvis::cli

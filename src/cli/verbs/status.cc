#include <nlohmann/json.hpp>

#include "base/duration.h"
#include "cli/summary.h"
#include "cli/verbs/verbs.h"
#include "control/commands.h"
#include "control/show.h"

namespace hvis::cli {
namespace {

using std::chrono::milliseconds;

struct Status {
    std::string vm;

    Result<void, Failure> run(Session& session) const {
        const Document summary = HVIS_TRY(session.api.get(Target::vm(vm)));
        session.print(*summary, status_text(*summary));
        return {};
    }
};

struct Stats {
    std::string vm;

    Result<void, Failure> run(Session& session) const {
        const Document stats = HVIS_TRY(session.api.get(Target::vm(vm) / "stats"));
        session.print(*stats, control::show_stats(*stats));
        return {};
    }
};

struct Wait {
    std::string vm;
    std::string condition;
    std::optional<milliseconds> timeout;

    Result<void, Failure> run(Session& session) const {
        Json body = {{"for", condition}};
        if (timeout) {
            body["timeout_ms"] = timeout->count();
        }
        const Document operation =
            HVIS_TRY(session.api.send("POST", Target::vm(vm) / "wait", body));
        const Document finished = HVIS_TRY(finish_operation(session, operation));
        session.print(*finished, vm + ": " + condition + "\n");
        return {};
    }
};

}  // namespace

void add_status_verbs(CLI::App& app, Chosen& chosen) {
    CLI::App& status =
        add_verb(app, "status", "State, guest and services on one screen", "status web");
    add_vm(status, choose<Status>(status, chosen)->vm);
    CLI::App& stats =
        add_verb(app, "stats", "Exits by reason, ring traffic, heartbeat round trips", "stats web");
    add_vm(stats, choose<Stats>(stats, chosen)->vm);
    CLI::App& wait =
        add_verb(app, "wait", "Wait until something is so", "wait web --for ip --timeout 60s");
    const auto verb = choose<Wait>(wait, chosen);
    add_vm(wait, verb->vm);
    add_choice(wait, "--for", verb->condition, control::kConditionWords, "what to wait for",
               Need::kRequired);
    add_duration(wait, "--timeout", verb->timeout, "give up after this long (60s)");
}

}  // namespace hvis::cli

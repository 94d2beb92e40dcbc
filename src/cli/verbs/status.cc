#include <nlohmann/json.hpp>

#include "cli/summary.h"
#include "cli/verbs/verbs.h"
#include "control/commands.h"
#include "control/show.h"
#include "control/show_fields.h"

namespace hvis::cli {
namespace {

using std::chrono::milliseconds;

struct Status {
    std::string vm;

    Result<void, Failure> run(Session& session) const {
        const Document known = HVIS_TRY(session.api.get(Target::vm(vm)));
        Json summary = *known;
        if (control::member_of(summary, "status").is_object() &&
            control::text_at(summary, "state") != "unreachable") {
            // What hvisd has at hand may be a second old; its worker knows what is so now.
            const auto live = session.api.get(Target::vm(vm) / "status");
            if (live) {
                summary["status"] = **live;
            } else if (live.error().outcome == kInterrupted) {
                return std::unexpected(live.error());
            } else {
                // It has just ended, or its worker fell silent: hvisd knows of it by now.
                const Document now = HVIS_TRY(session.api.get(Target::vm(vm)));
                summary = *now;
            }
        }
        session.print(summary, status_text(summary));
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

/// The service without which the condition is never reached; empty where there is none.
std::string service_behind(const std::string& condition) {
    if (condition == "ip") {
        return "kvp";  // which tells the addresses
    }
    return condition == "heartbeat" || condition == "kvp" ? condition : std::string();
}

struct Wait {
    std::string vm;
    std::string condition;
    std::optional<milliseconds> timeout;

    Result<void, Failure> run(Session& session) const {
        HVIS_CHECK(check_service(session));
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

    /// Nothing comes of a wait for a service that is disabled.
    Result<void, Failure> check_service(Session& session) const {
        const std::string service = service_behind(condition);
        if (service.empty()) {
            return {};
        }
        const Document summary = HVIS_TRY(session.api.get(Target::vm(vm)));
        const Json& services =
            control::member_of(control::member_of(*summary, "definition"), "services");
        if (control::text_at(services, service.c_str()) != "no") {
            return {};
        }
        Failure failure = control::make_failure(
            control::ErrorCode::kUnavailable,
            service + " of " + vm + " is disabled: a wait for " + condition + " would be in vain",
            "enable it: hvis service enable " + vm + " " + service);
        failure.outcome = "service_disabled";
        return std::unexpected(failure);
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

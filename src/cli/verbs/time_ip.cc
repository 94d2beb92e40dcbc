#include <nlohmann/json.hpp>

#include "cli/verbs/verbs.h"
#include "control/show.h"

namespace hvis::cli {
namespace {

using std::chrono::milliseconds;

std::string timeout_text(const std::optional<milliseconds>& timeout) {
    return timeout ? std::to_string(timeout->count()) : std::string();
}

Duration patience_for(const std::optional<milliseconds>& timeout) {
    return timeout ? Duration(*timeout) + kMargin : Duration(kPatience);
}

struct ShowTime {
    std::string vm;

    Result<void, Failure> run(Session& session) const {
        const Document time = HVIS_TRY(session.api.get(Target::vm(vm) / "time"));
        session.print(*time, control::show_time(*time));
        return {};
    }
};

struct SyncTime {
    std::string vm;
    std::optional<milliseconds> timeout;

    Result<void, Failure> run(Session& session) const {
        Json body = Json::object();
        if (timeout) {
            body["timeout_ms"] = timeout->count();
        }
        const Document answer = HVIS_TRY(session.api.send("POST", Target::vm(vm) / "time" / "sync",
                                                          body, patience_for(timeout)));
        session.print(*answer, "the host's time has been sent to " + vm + "\n");
        return {};
    }
};

struct ShowIp {
    std::string vm;
    std::optional<milliseconds> timeout;

    Result<void, Failure> run(Session& session) const {
        const Target target = (Target::vm(vm) / "ip").with("timeout_ms", timeout_text(timeout));
        const Document addresses = HVIS_TRY(session.api.get(target, patience_for(timeout)));
        session.print(*addresses, control::show_addresses(*addresses));
        return {};
    }
};

}  // namespace

void add_time_verbs(CLI::App& app, Chosen& chosen) {
    CLI::App& noun = add_noun(app, "time", "The guest's clock");
    CLI::App& show = add_verb(noun, "show", "What the time service has done", "time show web");
    add_vm(show, choose<ShowTime>(show, chosen)->vm);
    CLI::App& sync = add_verb(noun, "sync", "Have the guest set its clock now", "time sync web");
    const auto verb = choose<SyncTime>(sync, chosen);
    add_vm(sync, verb->vm);
    add_duration(sync, "--timeout", verb->timeout, "give up after this long (5s)");
}

void add_ip_verbs(CLI::App& app, Chosen& chosen) {
    CLI::App& noun = add_noun(app, "ip", "The guest's addresses");
    CLI::App& show = add_verb(noun, "show", "Addresses that the guest reports", "ip show web");
    const auto verb = choose<ShowIp>(show, chosen);
    add_vm(show, verb->vm);
    add_duration(show, "--timeout", verb->timeout, "give up after this long (5s)");
}

}  // namespace hvis::cli

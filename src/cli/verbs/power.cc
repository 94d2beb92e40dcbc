#include <array>
#include <utility>

#include <nlohmann/json.hpp>

#include "cli/verbs/verbs.h"
#include "control/commands.h"
#include "control/show_fields.h"

namespace hvis::cli {
namespace {

using std::chrono::milliseconds;

/// Prints an operation's end, or the operation as it is where nobody waits for it.
Result<void, Failure> carry_out(Session& session, const Document& operation, bool no_wait,
                                const std::string& done) {
    if (no_wait) {
        const std::string id = operation->value("id", "");
        session.print(*operation,
                      "operation " + id + " has begun: hvis operation wait " + id + "\n");
        return {};
    }
    const Document finished = HVIS_TRY(finish_operation(session, operation));
    session.print(*finished, done + "\n");
    return {};
}

struct StartVm {
    std::string vm;
    bool no_wait = false;

    Result<void, Failure> run(Session& session) const {
        const Document operation =
            HVIS_TRY(session.api.send("POST", Target::vm(vm) / "start", Json::object()));
        return carry_out(session, operation, no_wait, vm + " runs");
    }
};

/// stop, restart, hibernate: asked of the guest.
struct AskGuest {
    const char* action = "stop";
    const char* done = " has stopped";
    std::string vm;
    bool force = false;
    bool power_off = false;
    bool no_wait = false;
    std::string message;
    std::optional<uint32_t> reason;
    std::optional<milliseconds> timeout;

    Result<void, Failure> run(Session& session) const {
        HVIS_CHECK(check_power_off());
        if (const Document summary = HVIS_TRY(down_already(session)); summary != nullptr) {
            session.print(*summary, vm + " does not run: it is " +
                                        control::text_at(*summary, "state") + " already\n");
            return {};
        }
        Json body = Json::object();
        if (force) {
            body["force"] = true;
        }
        if (!message.empty()) {
            body["message"] = message;
        }
        if (reason) {
            body["reason"] = *reason;
        }
        if (timeout) {
            body["timeout_ms"] = timeout->count();
        }
        const Target target = Target::vm(vm) / (power_off ? "power-off" : action);
        const Document operation = HVIS_TRY(session.api.send("POST", target, body));
        return carry_out(session, operation, no_wait, vm + done);
    }

    /// Whoever tells the guest something expects that it is asked.
    [[nodiscard]] Result<void, Failure> check_power_off() const {
        const std::array<std::pair<const char*, bool>, 4> told = {
            {{"--force", force},
             {"--message", !message.empty()},
             {"--reason", reason.has_value()},
             {"--timeout", timeout.has_value()}}};
        for (const auto& [option, given] : told) {
            if (power_off && given) {
                return std::unexpected(control::make_failure(
                    control::ErrorCode::kUsage,
                    std::string("--power-off does not ask the guest: it takes no ") + option,
                    "leave one of the two out"));
            }
        }
        return {};
    }

    /// The VM, where it is to stop and has. Cutting the power is hvisd's to judge: a VM that is
    /// down may still be waiting to be started again.
    Result<Document, Failure> down_already(Session& session) const {
        if (std::string_view(action) != "stop" || power_off) {
            return nullptr;
        }
        Document summary = HVIS_TRY(session.api.get(Target::vm(vm)));
        const std::string state = control::text_at(*summary, "state");
        return state == "stopped" || state == "failed" ? std::move(summary) : nullptr;
    }
};

/// pause, resume, reset: done to the machine at once.
struct Press {
    const char* action = "pause";
    const char* done = "";
    std::string vm;

    Result<void, Failure> run(Session& session) const {
        const Document answer =
            HVIS_TRY(session.api.send("POST", Target::vm(vm) / action, Json::object()));
        session.print(*answer, vm + done + "\n");
        return {};
    }
};

void add_no_wait(CLI::App& verb, bool& no_wait) {
    add_flag(verb, "--no-wait", no_wait, "print the operation and leave it to itself");
}

void add_start(CLI::App& parent, Chosen& chosen, const char* example) {
    CLI::App& start = add_verb(parent, "start", "Start a VM", example);
    const auto verb = choose<StartVm>(start, chosen);
    add_vm(start, verb->vm);
    add_no_wait(start, verb->no_wait);
}

std::shared_ptr<AskGuest> add_ask(CLI::App& app, Chosen& chosen, const char* action,
                                  const char* done) {
    const auto verb = choose<AskGuest>(app, chosen);
    verb->action = action;
    verb->done = done;
    add_vm(app, verb->vm);
    add_flag(app, "--force", verb->force, "the guest is to disregard unsaved work of its users");
    add_text(app, "--message", verb->message, "text that some guests show", "TEXT");
    add_number(app, "--reason", verb->reason, "a Windows SHTDN_REASON code", "CODE");
    add_duration(app, "--timeout", verb->timeout, "how long the guest may take (60s)");
    add_no_wait(app, verb->no_wait);
    return verb;
}

void add_stop(CLI::App& parent, Chosen& chosen, const std::string& example) {
    CLI::App& stop =
        add_verb(parent, "stop", "Shut the guest down cleanly, or cut its power", example);
    const auto verb = add_ask(stop, chosen, "stop", " has stopped");
    add_flag(stop, "--power-off", verb->power_off, "cut the power without asking the guest");
}

}  // namespace

void add_power_verbs(CLI::App& app, CLI::App& vm, Chosen& chosen) {
    add_start(app, chosen, "start web");
    add_stop(app, chosen, "stop web --timeout 2m");
    add_start(vm, chosen, "vm start web");
    add_stop(vm, chosen, "vm stop web --power-off");
    add_ask(add_verb(vm, "restart", "Have the guest restart", "vm restart web"), chosen, "restart",
            " has restarted");
    add_ask(add_verb(vm, "hibernate", "Have the guest hibernate", "vm hibernate web"), chosen,
            "hibernate", " has hibernated");
    const auto press = [&](const char* name, const char* description, const char* done) {
        CLI::App& press_app = add_verb(vm, name, description, std::string("vm ") + name + " web");
        const auto verb = choose<Press>(press_app, chosen);
        verb->action = name;
        verb->done = done;
        add_vm(press_app, verb->vm);
    };
    press("pause", "Stop the virtual processors", " is paused");
    press("resume", "Let the virtual processors go on", " goes on");
    press("reset", "Reset the machine without asking the guest", " has been reset");
}

}  // namespace hvis::cli

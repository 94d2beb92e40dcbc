#include "worker/client/run_client.h"

#include <iostream>

#include <nlohmann/json.hpp>

#include "base/table.h"
#include "control/client.h"
#include "control/show.h"
#include "worker/client/show.h"

namespace hvis::worker {
namespace {

using control::Client;
using control::Command;
using control::Failure;
using control::Json;
using control::Milliseconds;

/// How long the worker may take for a request that has no timeout of its own.
constexpr Milliseconds kPlainPatience = std::chrono::seconds(30);
/// What we wait beyond the timeout of the request, so that the worker's own verdict arrives.
constexpr Milliseconds kMargin = std::chrono::seconds(5);
/// An arbitrary pause between two looks at a silent stream of events.
constexpr Milliseconds kFollowRound = std::chrono::minutes(10);

TimePoint from_now(Milliseconds duration) { return std::chrono::steady_clock::now() + duration; }

Milliseconds patience_for(const Command& command) {
    return std::visit(
        [](const auto& request) -> Milliseconds {
            if constexpr (requires { request.timeout; }) {
                return request.timeout + kMargin;
            } else {
                return kPlainPatience;
            }
        },
        command);
}

/// A machine whose process is gone has stopped: what these two wanted is so.
bool done_when_hung_up(const Command& command) {
    const auto* wait = std::get_if<control::WaitCommand>(&command);
    const auto* machine = std::get_if<control::MachineCommand>(&command);
    return (wait != nullptr && wait->condition == control::Condition::kStopped) ||
           (machine != nullptr && machine->action == control::MachineCommand::Action::kPowerOff);
}

int report(const ClientOptions& options, const ClientOutput& output, const Failure& failure) {
    if (options.json) {
        output.err(control::dump_json({{"error", to_json(failure)}}) + "\n");
    } else {
        output.err("hvis-vm: " + printable(failure.message) + "\n");
        if (!failure.hint.empty()) {
            output.err("  " + printable(failure.hint) + "\n");
        }
    }
    return exit_status(failure.code);
}

/// Until the worker hangs up; an interrupt ends the process as usual.
int follow_events(Client& client, const ClientOptions& options, const ClientOutput& output) {
    while (true) {
        const auto event = client.next_event(from_now(kFollowRound));
        if (!event) {
            return event.error().outcome == Client::kHungUp
                       ? 0
                       : report(options, output, event.error());
        }
        if (*event != nullptr) {
            output.out(options.json ? control::dump_json(**event) + "\n"
                                    : control::show_event(**event));
        }
    }
}

/// A change as a line: "key = value", or "key removed".
std::string show_change(const Json& change) {
    const std::string key = printable(change.value("key", ""));
    return change.contains("value") ? key + " = " + printable(change.value("value", "")) + "\n"
                                    : key + " removed\n";
}

/// The same for the changes of a watch.
int follow_changes(Client& client, const ClientOptions& options, const ClientOutput& output) {
    const auto id = client.start(options.command, from_now(kPlainPatience));
    if (!id) {
        return report(options, output, id.error());
    }
    while (true) {
        const auto notice = client.next_notice(*id, from_now(kFollowRound));
        if (!notice) {
            return notice.error().outcome == Client::kHungUp
                       ? 0
                       : report(options, output, notice.error());
        }
        if (*notice == nullptr || !(*notice)->contains("change")) {
            continue;
        }
        const Json& change = (*notice)->at("change");
        output.out(options.json ? control::dump_json(change) + "\n" : show_change(change));
    }
}

}  // namespace

ClientOutput ClientOutput::standard() {
    return {.out = [](std::string_view text) { std::cout << text << std::flush; },
            .err = [](std::string_view text) { std::cerr << text << std::flush; }};
}

int run_client(const ClientOptions& options, const ClientOutput& output) {
    auto client = Client::connect(options.socket, from_now(options.connect_timeout));
    if (!client) {
        return report(options, output, client.error());
    }
    if (std::holds_alternative<control::KvpWatchCommand>(options.command)) {
        return follow_changes(*client, options, output);
    }
    const auto result = client->call(options.command, from_now(patience_for(options.command)));
    if (!result) {
        if (result.error().outcome == Client::kHungUp && done_when_hung_up(options.command)) {
            output.out(options.json ? "{}\n" : "");
            return 0;
        }
        return report(options, output, result.error());
    }
    if (options.follow) {
        return follow_events(*client, options, output);
    }
    output.out(options.json ? control::dump_json_indented(**result) + "\n"
                            : show_result(options.command, **result));
    return 0;
}

}  // namespace hvis::worker

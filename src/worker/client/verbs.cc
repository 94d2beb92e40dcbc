// Verbs that the worker carries out by itself.

#include <charconv>

#include "worker/client/verb_options.h"

namespace hvis::worker {
namespace {

void add_wait_verb(CLI::App& app, Parsed& parsed) {
    auto command = std::make_shared<control::WaitCommand>();
    CLI::App* verb =
        add_verb(app, "wait", "Wait until something is so", "wait --for ip --timeout 60s");
    add_choice(
        *verb, "--for", control::kConditionWords, "what to wait for",
        [command](size_t word) { command->condition = static_cast<control::Condition>(word); })
        ->required();
    add_timeout(*verb, command);
    finish(*verb, parsed, command);
}

/// "N/M" or "N".
void read_misses(const std::string& text, control::HeartbeatPolicyChange& change) {
    const char* const end = text.data() + text.size();
    uint32_t misses = 0;
    auto read = std::from_chars(text.data(), end, misses);
    bool good = read.ec == std::errc();
    change.misses = misses;
    if (good && read.ptr != end) {
        uint32_t window = 0;
        good = *read.ptr == '/';
        read = std::from_chars(read.ptr + 1, end, window);
        good = good && read.ec == std::errc() && read.ptr == end;
        change.window = window;
    }
    if (!good) {
        throw CLI::ValidationError("--misses", "expected N/M, such as 2/3");
    }
}

}  // namespace

void add_machine_verbs(CLI::App& app, Parsed& parsed) {
    using control::MachineCommand;
    using Action = MachineCommand::Action;
    add_plain(app, parsed, "status", "State, guest and services on one screen", "status --json",
              control::StatusCommand{});
    add_plain(app, parsed, "stats", "Exits by reason, and counters", "stats",
              control::StatsCommand{});
    add_plain(app, parsed, "pause", "Stop the virtual processors", "pause",
              MachineCommand{Action::kPause});
    add_plain(app, parsed, "resume", "Let the virtual processors go on", "resume",
              MachineCommand{Action::kResume});
    add_plain(app, parsed, "reset", "Reset the machine without asking the guest", "reset",
              MachineCommand{Action::kReset});
    add_plain(app, parsed, "power-off", "Stop the machine without asking the guest", "power-off",
              MachineCommand{Action::kPowerOff});
    add_wait_verb(app, parsed);
}

void add_heartbeat_verbs(CLI::App& app, Parsed& parsed) {
    CLI::App& noun = add_noun(app, "heartbeat", "Watching over the guest");
    add_plain(noun, parsed, "show", "Policy, counters and status", "heartbeat show",
              control::HeartbeatShowCommand{});
    auto command = std::make_shared<control::HeartbeatSetCommand>();
    CLI::App* verb = add_verb(noun, "set", "Change the policy",
                              "heartbeat set --misses 3/5 --on-loss reset --attempts 2");
    add_duration(*verb, "--interval", "between two beats",
                 [command](Milliseconds time) { command->change.interval = time; });
    add_duration(*verb, "--latency", "a later answer is a miss",
                 [command](Milliseconds time) { command->change.latency = time; });
    verb->add_option_function<std::string>(
            "--misses", [command](const std::string& text) { read_misses(text, command->change); },
            "lost after N misses in the last M beats")
        ->type_name("N/M");
    add_duration(*verb, "--grace", "no verdict for so long after start, resume and enable",
                 [command](Milliseconds time) { command->change.grace = time; });
    add_choice(
        *verb, "--on-loss", control::kOnLossWords, "what is done then",
        [command](size_t word) { command->change.on_loss = static_cast<control::OnLoss>(word); });
    verb->add_option("--attempts", command->change.attempts, "how often that is done");
    finish(*verb, parsed, command);
}

void add_events_verb(CLI::App& app, Parsed& parsed) {
    auto list = std::make_shared<control::EventsListCommand>();
    auto since = std::make_shared<std::optional<uint64_t>>();
    CLI::App* verb = add_verb(app, "events", "What has happened", "events --follow --since 1");
    verb->add_flag("--follow", parsed.follow, "go on with what happens from now");
    verb->add_option("--since", *since, "from this sequence number");
    verb->add_option("--limit", list->limit, "at most so many");
    verb->callback([&parsed, list, since] {
        list->since = since->value_or(0);
        if (parsed.follow) {
            parsed.command = control::EventsSubscribeCommand{.since = *since};
        } else {
            parsed.command = *list;
        }
    });
}

}  // namespace hvis::worker

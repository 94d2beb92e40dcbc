#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <CLI/CLI.hpp>

#include "base/duration.h"
#include "control/commands.h"

namespace hvis::worker {

using control::Command;
using control::Milliseconds;

/// What the options of all verbs together come to.
struct Parsed {
    std::optional<Command> command;
    std::string config_path;
    std::string socket;
    bool check = false;
    bool json = false;
    bool events_table = false;
    bool probe = false;
    bool follow = false;
};

// The pieces of which verbs are made.

/// A verb with its example, e.g. "kvp get OSName".
inline CLI::App* add_verb(CLI::App& parent, const char* name, const char* description,
                          const std::string& example) {
    CLI::App* verb = parent.add_subcommand(name, description);
    verb->footer("Example:\n  hvis-vm --connect web.sock " + example);
    verb->fallthrough();
    return verb;
}

/// A verb without options.
inline void add_plain(CLI::App& parent, Parsed& parsed, const char* name, const char* description,
                      const std::string& example, const Command& command) {
    add_verb(parent, name, description, example)->callback([&parsed, command] {
        parsed.command = command;
    });
}

template <class Assign>
void add_duration(CLI::App& verb, const char* name, const char* description, Assign assign) {
    verb.add_option_function<std::string>(
            name,
            [name, assign](const std::string& text) {
                const auto duration = parse_duration(text);
                if (!duration) {
                    throw CLI::ValidationError(name, std::string(kDurationExpected));
                }
                assign(*duration);
            },
            description)
        ->type_name("DURATION");
}

template <class WithTimeout>
void add_timeout(CLI::App& verb, const std::shared_ptr<WithTimeout>& command) {
    add_duration(verb, "--timeout", "give up after this long",
                 [command](Milliseconds timeout) { command->timeout = timeout; });
}

/// An option or argument whose value is one of `words`.
template <class Assign>
CLI::Option* add_choice(CLI::App& verb, const char* name, std::span<const std::string_view> words,
                        const char* description, Assign assign) {
    std::string list;
    for (const std::string_view word : words) {
        list += (list.empty() ? "" : "|") + std::string(word);
    }
    return verb
        .add_option_function<std::string>(
            name,
            [name, words, list, assign](const std::string& text) {
                const auto found = std::ranges::find(words, text);
                if (found == words.end()) {
                    throw CLI::ValidationError(name, "expected one of " + list);
                }
                assign(static_cast<size_t>(found - words.begin()));
            },
            description)
        ->type_name(list);
}

template <class WithPool>
void add_pool(CLI::App& verb, const std::shared_ptr<WithPool>& command) {
    add_choice(verb, "--pool", control::kPoolWords, "which pool",
               [command](size_t word) { command->pool = static_cast<control::Pool>(word); });
}

/// The verb stores its command when it was the one given.
template <class Specific>
void finish(CLI::App& verb, Parsed& parsed, const std::shared_ptr<Specific>& command) {
    verb.callback([&parsed, command] { parsed.command = *command; });
}

/// A noun, which needs one of its verbs.
inline CLI::App& add_noun(CLI::App& app, const char* name, const char* description) {
    CLI::App* noun = app.add_subcommand(name, description);
    noun->require_subcommand(1);
    noun->fallthrough();
    return *noun;
}

// verbs.cc and guest_verbs.cc: the verbs of the machine and of its policies, and those that ask the
// guest for something.
void add_machine_verbs(CLI::App& app, Parsed& parsed);
void add_heartbeat_verbs(CLI::App& app, Parsed& parsed);
void add_events_verb(CLI::App& app, Parsed& parsed);
void add_shutdown_verbs(CLI::App& app, Parsed& parsed);
void add_service_verbs(CLI::App& app, Parsed& parsed);
void add_kvp_verbs(CLI::App& app, Parsed& parsed);
void add_ip_verbs(CLI::App& app, Parsed& parsed);
void add_time_verbs(CLI::App& app, Parsed& parsed);

}  // namespace hvis::worker

#include "cli/wording.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include <CLI/CLI.hpp>

#include "cli/duration_wording.h"
#include "cli/tree.h"

namespace hvis::cli {
namespace {

using control::ErrorCode;
using control::Failure;

/// How the names of fields end that hold durations.
constexpr std::string_view kMilliseconds = "_ms";

struct Renamed {
    std::string_view from;
    std::string_view to;
};

/// Fields whose option has another name than theirs.
constexpr std::array kOptionOfField = {
    Renamed{"/addresses", "--address"},
    Renamed{"/autostart/enabled", "--autostart"},
    Renamed{"/autostart/stop_timeout_ms", "--stop-timeout"},
    Renamed{"/dns_servers", "--dns"},
    Renamed{"/gateways", "--gateway"},
    Renamed{"/processors", "--cpus"},
    Renamed{"/restart/first_delay_ms", "--restart-delay"},
    Renamed{"/restart/when", "--restart"},
    Renamed{"/vmbus/max_version", "--vmbus-version"},
    Renamed{"/window", "--misses"},
};
/// Fields that are arguments, in the order in which they are tried.
constexpr std::array kArgumentOfField = {
    Renamed{"/name", "NEW"}, Renamed{"/path", "DIR"},        Renamed{"/path", "FILE"},
    Renamed{"/key", "KEY"},  Renamed{"/adapter", "ADAPTER"}, Renamed{"/value", "VALUE"},
};
/// What hints of hvisd and of workers leave open; "VM" stands for the one on the line.
constexpr std::array kHints = {
    Renamed{"'hvis stop'", "'hvis stop VM'"},
    Renamed{"'hvis status'", "'hvis status VM'"},
    Renamed{"'hvis events'", "'hvis events VM'"},
    Renamed{"start it first", "start it first: hvis start VM"},
    Renamed{"look at its status;", "look at its status (hvis status VM);"},
    Renamed{"`GET /api/v1/operations`", "hvis operation list"},
    Renamed{"GET /api/v1/tokens", "'hvis token list' shows all"},
};
/// The service that the verbs of a noun, or a verb of its own, ask something of.
constexpr std::array kServiceOfVerb = {
    Renamed{"hvis kvp", "kvp"},
    Renamed{"hvis ip", "kvp"},
    Renamed{"hvis time", "timesync"},
    Renamed{"hvis heartbeat", "heartbeat"},
    Renamed{"hvis stop", "shutdown"},
    Renamed{"hvis vm stop", "shutdown"},
    Renamed{"hvis vm restart", "shutdown"},
    Renamed{"hvis vm hibernate", "shutdown"},
};

std::string path_of(const CLI::App& verb) {
    std::string path;
    for (const CLI::App* app = &verb; app != nullptr; app = app->get_parent()) {
        path = app->get_name() + (path.empty() ? "" : " ") + path;
    }
    return path;
}

std::string help_of(const CLI::App& verb) { return "see " + path_of(verb) + " --help"; }

bool has_option(const CLI::App& verb, const std::string& name) {
    return verb.get_option_no_throw(name) != nullptr;
}

/// "/autostart/delay_ms" is "--autostart-delay" unless the table has another name.
std::string option_name(std::string_view pointer) {
    const auto* const found = std::ranges::find(kOptionOfField, pointer, &Renamed::from);
    if (found != kOptionOfField.end()) {
        return std::string(found->to);
    }
    std::string name = "-" + std::string(pointer);
    if (name.ends_with(kMilliseconds)) {
        name.resize(name.size() - kMilliseconds.size());
    }
    std::ranges::replace(name, '/', '-');
    std::ranges::replace(name, '_', '-');
    return name;
}

/// The option or argument of the verb that a field of its request comes from.
std::optional<std::string> option_of(const CLI::App& verb, std::string_view pointer) {
    const size_t last = pointer.rfind('/');
    if (last != std::string_view::npos && last > 0 &&
        pointer.find_first_not_of("0123456789", last + 1) == std::string_view::npos) {
        pointer = pointer.substr(0, last);  // one of a list
    }
    if (std::string name = option_name(pointer); has_option(verb, name)) {
        return name;
    }
    for (const auto& [field, argument] : kArgumentOfField) {
        if (field == pointer && has_option(verb, std::string(argument))) {
            return std::string(argument);
        }
    }
    return std::nullopt;
}

/// "longest_delay_ms", told of "/restart/first_delay_ms", is "--restart-longest-delay".
void name_sibling(const CLI::App& verb, const std::string& field, std::string& message) {
    const size_t unit = message.find(kMilliseconds);
    if (unit == std::string::npos) {
        return;
    }
    const size_t begin = message.find_last_of(' ', unit) + 1;
    const size_t length = unit + kMilliseconds.size() - begin;
    const std::string parent = field.substr(0, field.rfind('/') + 1);
    if (const auto option = option_of(verb, parent + message.substr(begin, length))) {
        message.replace(begin, length, *option);
    }
}

/// "/kernel: required, but missing" and "parameter limit: …" begin with the option instead.
void name_option(const CLI::App& verb, Failure& failure) {
    constexpr std::string_view kParameter = "parameter ";
    std::string field = failure.pointer;
    size_t begins = field.size();
    if (failure.message.starts_with(kParameter)) {
        begins = failure.message.find(':');
        field = "/" + failure.message.substr(kParameter.size(), begins - kParameter.size());
    } else if (field.empty() || !failure.message.starts_with(field + ":")) {
        return;
    }
    if (const auto option = option_of(verb, field); option && begins != std::string::npos) {
        std::string rest = failure.message.substr(begins);
        if (field.ends_with(kMilliseconds)) {
            rest = with_durations(rest);
            name_sibling(verb, field, rest);
        }
        failure.message = *option + rest;
    }
}

/// The VM that the line names, or empty.
std::string vm_of(const CLI::App& verb) {
    const CLI::Option* name = verb.get_option_no_throw(type_name::kVm);
    return name == nullptr || name->results().empty() ? "" : name->results().front();
}

std::string with_vm(std::string_view text, const std::string& vm) {
    std::string filled(text);
    const size_t at = filled.find("VM");
    return at == std::string::npos ? filled : filled.replace(at, 2, vm);
}

void fill_hint(const std::string& vm, std::string& hint) {
    for (const auto& [from, to] : kHints) {
        const bool needs_vm = to.find("VM") != std::string_view::npos;
        const size_t at = hint.find(from);
        // A hint that names the VM already goes on behind these words.
        const bool open = at != std::string::npos &&
                          (at + from.size() == hint.size() || hint[at + from.size()] != ':');
        if (open && (!needs_vm || !vm.empty())) {
            hint.replace(at, from.size(), with_vm(to, vm));
        }
    }
}

std::string enabling_of(const CLI::App& verb) {
    const std::string path = path_of(verb) + " ";
    for (const auto& [begin, service] : kServiceOfVerb) {
        if (path.starts_with(std::string(begin) + " ")) {
            return "enable it: hvis service enable " + vm_of(verb) + " " + std::string(service);
        }
    }
    return {};
}

/// Of a name or an id that another VM has already.
std::string other_name_of(const CLI::App& verb) {
    return has_option(verb, "--new-id")
               ? "take it in under another name (--name NEW), and with an id of its own (--new-id)"
               : "choose another name; 'hvis list' shows those that are taken";
}

/// "NEW is missing: name of the VM" for what the verb cannot do without.
std::optional<std::string> missing_of(const CLI::App& verb) {
    for (const CLI::Option* option : verb.get_options()) {
        if (option->get_required() && option->count() == 0) {
            const std::string name = option->nonpositional() ? "--" + option->get_lnames().front()
                                                             : option->get_single_name();
            return name + " is missing: " + option->get_description();
        }
    }
    return std::nullopt;
}

}  // namespace

const CLI::App& chosen_verb(const CLI::App& tree) {
    const CLI::App* deepest = &tree;
    while (!deepest->get_subcommands().empty()) {
        deepest = deepest->get_subcommands().front();
    }
    return *deepest;
}

Failure usage_of(const CLI::App& tree, const CLI::ParseError& error) {
    const CLI::App& deepest = chosen_verb(tree);
    std::string message = error.what();
    if (dynamic_cast<const CLI::RequiredError*>(&error) != nullptr) {
        // CLI11 misses a verb before it looks at the words that are none.
        const auto words = tree.remaining(true);
        if (deepest.get_require_subcommand_min() == 0) {
            message = missing_of(deepest).value_or(message);
        } else {
            message = words.empty()
                          ? "'" + path_of(deepest) + "' needs a verb"
                          : "'" + path_of(deepest) + "' has no verb '" + words.front() + "'";
        }
    }
    return control::make_failure(ErrorCode::kUsage, message, help_of(deepest));
}

Failure reworded(const CLI::App& tree, Failure failure) {
    const CLI::App& verb = chosen_verb(tree);
    name_option(verb, failure);
    const auto speaks_of = [&](std::string_view words) {
        return failure.hint.find(words) != std::string::npos;
    };
    if (failure.code == ErrorCode::kUsage &&
        (speaks_of("GET /api/v1/openapi.yaml") || speaks_of("docs/control-protocol.md"))) {
        failure.hint = help_of(verb);
    } else if (speaks_of("'service enable'")) {
        if (std::string hint = enabling_of(verb); !hint.empty()) {
            failure.hint = std::move(hint);
        }
    } else if (failure.hint == "choose another one") {
        failure.hint = other_name_of(verb);
    } else {
        fill_hint(vm_of(verb), failure.hint);
    }
    return failure;
}

}  // namespace hvis::cli

#include "cli/completion.h"

#include <algorithm>

#include <CLI/CLI.hpp>

#include "cli/tree.h"

namespace hvis::cli {
namespace {

using Options = std::vector<const CLI::Option*>;

bool is_option_word(std::string_view word) { return word.size() > 1 && word.front() == '-'; }

/// The option of this verb, or of a noun or program above it, that the word names.
const CLI::Option* find_option(const CLI::App* app, const std::string& word) {
    const std::string name = word.substr(0, word.find('='));
    for (; app != nullptr; app = app->get_parent()) {
        const Options options = app->get_options([&](const CLI::Option* option) {
            return option->nonpositional() && option->check_name(name);
        });
        if (!options.empty()) {
            return options.front();
        }
    }
    return nullptr;
}

bool takes_value(const CLI::Option& option) { return option.get_items_expected_max() > 0; }

Options positionals_of(const CLI::App& app) {
    return app.get_options([](const CLI::Option* option) { return !option->nonpositional(); });
}

/// The pool that the verb takes where the line names none.
std::string pool_of(const CLI::App& app) {
    const CLI::Option* pool = app.get_option_no_throw("--pool");
    return pool == nullptr ? std::string() : pool->get_default_str();
}

/// What the words before the cursor come to.
struct Place {
    const CLI::App* app;
    const CLI::Option* waiting = nullptr;  ///< an option whose value comes next
    std::vector<std::string> values;       ///< of the verb's arguments
    Question question;                     ///< without its type
};

void take_word(Place& place, const std::string& word) {
    if (place.waiting != nullptr) {
        if (place.waiting->check_name("--pool")) {
            place.question.pool = word;
        }
        place.waiting = nullptr;
        return;
    }
    if (is_option_word(word)) {
        const CLI::Option* option = find_option(place.app, word);
        const bool has_value = word.find('=') != std::string::npos;
        if (option != nullptr && takes_value(*option) && !has_value) {
            place.waiting = option;
        } else if (option != nullptr && has_value && option->check_name("--pool")) {
            place.question.pool = word.substr(word.find('=') + 1);
        }
        return;
    }
    const auto verbs =
        place.app->get_subcommands([&](const CLI::App* verb) { return verb->check_name(word); });
    if (!verbs.empty() && place.values.empty()) {
        place.app = verbs.front();
        return;
    }
    const Options positionals = positionals_of(*place.app);
    if (place.values.size() < positionals.size() &&
        positionals[place.values.size()]->get_single_name() == type_name::kVm) {
        place.question.vm = word;
    }
    place.values.push_back(word);
}

/// An argument is named after its type, unless the type lists what there is to choose from.
std::string type_of(const CLI::Option& argument) {
    const std::string type = argument.get_type_name();
    return type.find('|') == std::string::npos ? argument.get_single_name() : type;
}

/// Values of an argument of this type.
std::vector<Candidate> values_of(const std::string& type, Question question, const Lookup& lookup) {
    if (type == type_name::kFile) {
        return {{kCompleteFiles, ""}};
    }
    if (type == type_name::kDirectory) {
        return {{kCompleteDirectories, ""}};
    }
    std::vector<Candidate> candidates;
    if (type.find('|') != std::string::npos) {
        for (const std::string& word : CLI::detail::split(type, '|')) {
            candidates.push_back({word, ""});
        }
        return candidates;
    }
    question.type = type;
    return lookup(question);
}

std::string first_sentence(const std::string& text) { return text.substr(0, text.find('\n')); }

/// Each once: --help is one of the verb, and of every noun above it.
void add_options(const CLI::App* app, std::vector<Candidate>& candidates) {
    for (; app != nullptr; app = app->get_parent()) {
        for (const CLI::Option* option :
             app->get_options([](const CLI::Option* each) { return each->nonpositional(); })) {
            for (const std::string& name : option->get_lnames()) {
                const std::string word = "--" + name;
                if (std::ranges::find(candidates, word, &Candidate::word) == candidates.end()) {
                    candidates.push_back({word, first_sentence(option->get_description())});
                }
            }
        }
    }
}

std::vector<Candidate> candidates_at(const Place& place, const std::string& word,
                                     const Lookup& lookup) {
    std::vector<Candidate> candidates;
    Question question = place.question;
    if (question.pool.empty()) {
        question.pool = pool_of(*place.app);
    }
    if (place.waiting != nullptr) {
        return values_of(place.waiting->get_type_name(), question, lookup);
    }
    if (word.starts_with('-')) {
        add_options(place.app, candidates);
        return candidates;
    }
    // After a word that is no verb there is none to come.
    if (place.values.empty()) {
        for (const CLI::App* verb :
             place.app->get_subcommands([](const CLI::App*) { return true; })) {
            candidates.push_back({verb->get_name(), verb->get_description()});
        }
    }
    const Options positionals = positionals_of(*place.app);
    if (place.values.size() < positionals.size()) {
        return values_of(type_of(*positionals[place.values.size()]), question, lookup);
    }
    return candidates;
}

}  // namespace

std::vector<Candidate> complete(const CLI::App& tree, std::span<const std::string> words,
                                const Lookup& lookup) {
    if (words.empty()) {
        return {};
    }
    Place place{.app = &tree, .waiting = nullptr, .values = {}, .question = {}};
    for (const std::string& word : words.first(words.size() - 1)) {
        take_word(place, word);
    }
    // "--pool=ext": the value is completed as if it stood alone.
    std::string last = words.back();
    std::string prefix;
    if (const size_t equals = last.find('=');
        is_option_word(last) && equals != std::string::npos && place.waiting == nullptr) {
        place.waiting = find_option(place.app, last);
        prefix = last.substr(0, equals + 1);
        last = last.substr(equals + 1);
        if (place.waiting == nullptr) {
            return {};
        }
    }
    std::vector<Candidate> fitting;
    for (Candidate& candidate : candidates_at(place, last, lookup)) {
        const bool directive = candidate.word.starts_with(':');
        if (directive || candidate.word.starts_with(last)) {
            candidate.word = (directive ? "" : prefix) + candidate.word;
            fitting.push_back(std::move(candidate));
        }
    }
    return fitting;
}

}  // namespace hvis::cli

#include "cli/run.h"

#include "cli/command_line.h"
#include "cli/completion.h"
#include "cli/live_values.h"
#include "cli/wording.h"

namespace hvis::cli {
namespace {

/// What completion scripts call: "hvis __complete WORD…".
constexpr std::string_view kComplete = "__complete";

/// The endpoint that words before the cursor name, as far as they can be read.
EndpointOptions endpoint_of(std::span<const std::string> words) {
    EndpointOptions options;
    const auto take = [&](const std::string& word, const std::string& next, const std::string& name,
                          std::string& value) {
        if (word == name) {
            value = next;
        } else if (word.starts_with(name + "=")) {
            value = word.substr(name.size() + 1);
        }
    };
    for (size_t index = 0; index + 1 < words.size(); ++index) {
        const std::string& next = words[index + 1];
        take(words[index], next, "--socket", options.socket);
        take(words[index], next, "--url", options.url);
        take(words[index], next, "--token-file", options.token_file);
        take(words[index], next, "--ca-file", options.ca_file);
    }
    return options;
}

int run_completion(std::span<const std::string> words, const Output& output,
                   const Surroundings& surroundings, int interrupt) {
    Chosen chosen;
    const auto tree = make_tree(chosen);
    const auto lookup = [&](const Question& question) -> std::vector<Candidate> {
        auto endpoint = find_endpoint(endpoint_of(words), surroundings);
        if (!endpoint) {
            return {};
        }
        Api api(*std::move(endpoint), interrupt);
        return live_values(api, question);
    };
    std::string text;
    for (const Candidate& candidate : complete(*tree, words, lookup)) {
        text += candidate.word + "\t" + candidate.description + "\n";
    }
    output.out(text);
    return 0;
}

/// A relative path would be that of a folder here, on a host where it is another or none.
std::optional<Failure> check_paths(const Chosen& chosen, const Endpoint& endpoint) {
    if (chosen.relative_paths.empty() || !std::holds_alternative<HttpsEndpoint>(endpoint)) {
        return std::nullopt;
    }
    return control::make_failure(
        control::ErrorCode::kUsage,
        chosen.relative_paths.front() +
            ": a relative path means a folder of this host; with --url give an absolute path of "
            "hvisd's host",
        "it begins with /: --url, or $HVIS_URL, is another host");
}

int run_verb(std::span<const std::string> words, Chosen& chosen, const Output& output,
             const Surroundings& surroundings, int interrupt) {
    const auto tree = make_tree(chosen);
    if (const auto status = parse(*tree, words, chosen, output)) {
        return *status;
    }
    auto endpoint = find_endpoint(chosen.endpoint, surroundings);
    if (!endpoint) {
        return report(output, chosen.json, endpoint.error());
    }
    if (const auto wrong = check_paths(chosen, *endpoint)) {
        return report(output, chosen.json, *wrong);
    }
    Api api(*std::move(endpoint), interrupt);
    Session session{.api = api, .output = output, .json = chosen.json};
    const auto done = chosen.action(session);
    return done ? 0 : report(output, chosen.json, reworded(*tree, done.error()));
}

}  // namespace

int run(std::span<const std::string> words, const Output& output, const Surroundings& surroundings,
        int interrupt) {
    Chosen chosen;
    const bool completes = !words.empty() && words.front() == kComplete;
    const int status = completes ? run_completion(words.subspan(1), output, surroundings, interrupt)
                                 : run_verb(words, chosen, output, surroundings, interrupt);
    const auto lost = output.lost();
    return status == 0 && lost ? report(output, chosen.json, *lost) : status;
}

}  // namespace hvis::cli

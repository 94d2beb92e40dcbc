#include "cli/live_values.h"

#include <nlohmann/json.hpp>

#include "cli/session.h"
#include "cli/tree.h"
#include "control/commands.h"
#include "control/service_versions.h"
#include "control/show_fields.h"

namespace hvis::cli {
namespace {

using control::text_at;

/// Somebody waits at the keyboard.
constexpr std::chrono::milliseconds kCompletionPatience{1500};

/// One candidate for each item of the list `list_name`.
std::vector<Candidate> from_list(Api& api, const Target& target, const char* list_name,
                                 const char* word, auto describe) {
    std::vector<Candidate> candidates;
    const auto document = api.get(target, kCompletionPatience);
    if (!document) {
        return candidates;
    }
    if (const Json& list = control::member_of(**document, list_name); list.is_array()) {
        for (const Json& item : list) {
            if (std::string text = text_at(item, word); !text.empty()) {
                candidates.push_back({std::move(text), describe(item)});
            }
        }
    }
    return candidates;
}

std::vector<Candidate> service_words() {
    std::vector<Candidate> candidates;
    for (const std::string_view word : control::kServiceWords) {
        candidates.push_back({std::string(word), ""});
    }
    return candidates;
}

/// "kvp=3.0" and the like; "kvp=newest" takes the limit away.
std::vector<Candidate> service_version_words() {
    std::vector<Candidate> candidates;
    for (size_t index = 0; index < control::kServiceWords.size(); ++index) {
        const std::string service = std::string(control::kServiceWords[index]) + "=";
        for (const auto version : control::version_words(static_cast<control::Service>(index))) {
            candidates.push_back({service + std::string(version), ""});
        }
        candidates.push_back({service + "newest", ""});
    }
    return candidates;
}

}  // namespace

std::vector<Candidate> live_values(Api& api, const Question& question) {
    const auto member = [](const char* name) {
        return [name](const Json& item) { return text_at(item, name); };
    };
    if (question.type == type_name::kVm) {
        return from_list(api, Target("/vms"), "vms", "name", member("state"));
    }
    if (question.type == type_name::kOperation) {
        return from_list(api, Target("/operations"), "operations", "id", operation_title);
    }
    if (question.type == type_name::kToken) {
        return from_list(api, Target("/tokens"), "tokens", "id", member("name"));
    }
    if (question.type == type_name::kService) {
        auto services = question.vm.empty() ? std::vector<Candidate>()
                                            : from_list(api, Target::vm(question.vm) / "services",
                                                        "services", "service", member("primary"));
        return services.empty() ? service_words() : services;
    }
    if (question.type == type_name::kServiceVersion) {
        return service_version_words();
    }
    if (question.type == type_name::kKey && !question.vm.empty()) {
        return from_list(api, Target::vm(question.vm) / "kvp" / question.pool, "pairs", "key",
                         member("value"));
    }
    return {};
}

}  // namespace hvis::cli

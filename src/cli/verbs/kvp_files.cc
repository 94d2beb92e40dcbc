#include <algorithm>
#include <map>

#include <nlohmann/json.hpp>

#include "cli/standard_input.h"
#include "cli/text_file.h"
#include "cli/verbs/verbs.h"
#include "control/commands.h"
#include "control/host_facts.h"
#include "control/kvp_limits.h"

namespace hvis::cli {
namespace {

using control::ErrorCode;
using control::make_failure;

/// Longest file of pairs: far above what the pools of a guest hold.
constexpr size_t kMaxPairFile = size_t{4} * 1024 * 1024;

using PairMap = std::map<std::string, std::string>;

PairMap pairs_of(const Json& list) {
    PairMap pairs;
    if (const auto found = list.find("pairs"); found != list.end() && found->is_array()) {
        for (const Json& pair : *found) {
            pairs[pair.value("key", "")] = pair.value("value", "");
        }
    }
    return pairs;
}

/// The key as messages have it, without its end where it is long.
std::string quoted(const std::string& key) {
    constexpr size_t kShown = 64;
    size_t end = std::min(key.size(), kShown);
    while (end < key.size() && (static_cast<unsigned char>(key[end]) & 0xc0U) == 0x80U) {
        --end;  // whole characters only
    }
    return '"' + key.substr(0, end) + (end < key.size() ? "…\"" : "\"");
}

std::string too_many(const std::string& what, size_t count) {
    return what + std::to_string(count) + " pairs: a pool takes at most " +
           std::to_string(control::kMaxHeldPairs);
}

/// What hvisd or a guest would not take, so that it is told before anything is done.
std::string complaint_about(const PairMap& pairs) {
    for (const auto& [key, value] : pairs) {
        if (const auto wrong = control::units_complaint(key, control::kKvpKeyLimits);
            !wrong.empty()) {
            return "the key " + quoted(key) + ": " + wrong;
        }
        if (const auto wrong = control::units_complaint(value, control::kKvpValueLimits);
            !wrong.empty()) {
            return "the value of " + quoted(key) + ": " + wrong;
        }
    }
    return pairs.size() > control::kMaxHeldPairs ? too_many("it holds ", pairs.size())
                                                 : std::string();
}

/// {"KEY":"VALUE",…}: what a definition of hvis-vm has under "kvp", too. "-" is standard input.
Result<PairMap, Failure> read_pairs(const std::string& path, int interrupt) {
    const bool is_input = path == "-";
    const std::string text =
        HVIS_TRY(is_input ? read_input(Until::kEnd, kMaxPairFile + 1, interrupt)
                          : read_file(path, kMaxPairFile + 1));
    const auto value = control::parse_json(text, kMaxPairFile);
    const auto bad = [&](const std::string& why) {
        return std::unexpected(make_failure(ErrorCode::kUsage,
                                            (is_input ? "standard input" : path) + ": " + why,
                                            R"(it holds one object: {"KEY":"VALUE", …})"));
    };
    if (!value) {
        return bad(value.error().to_string());
    }
    PairMap pairs;
    if (!(*value)->is_object()) {
        return bad("expected an object");
    }
    for (const auto& [key, member] : (*value)->items()) {
        if (!member.is_string()) {
            return bad("expected text for " + quoted(key));
        }
        pairs[key] = member.get<std::string>();
    }
    if (const std::string complaint = complaint_about(pairs); !complaint.empty()) {
        return bad(complaint);
    }
    return pairs;
}

std::string counted(size_t count, const std::string& what) {
    return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

struct ExportPairs {
    std::string vm;
    std::string pool = "external";
    std::string path;

    Result<void, Failure> run(Session& session) const {
        const Document list = HVIS_TRY(session.api.get(Target::vm(vm) / "kvp" / pool));
        const PairMap pairs = pairs_of(*list);
        const std::string text = control::dump_json_indented(pairs) + "\n";
        if (path.empty()) {
            session.output.out(text);
            return {};
        }
        HVIS_CHECK(replace_file(path, text));
        session.print({{"path", path}, {"pairs", pairs.size()}},
                      counted(pairs.size(), "pair") + " written to " + path + "\n");
        return {};
    }
};

/// What an import does, one request after another, and how far it has come.
struct Changes {
    Session& session;
    const Target& target;
    const PairMap& wanted;
    const PairMap& present;
    size_t set = 0;
    size_t removed = 0;

    /// What goes is removed first: a pool that is full has no room for what comes.
    Result<void, Failure> make(bool replace) {
        HVIS_CHECK(check_room(replace));
        for (const auto& [key, value] : present) {
            if (replace && !wanted.contains(key)) {
                HVIS_CHECK(remove(key));
            }
        }
        Progress progress(session.output, !session.json);
        for (const auto& [key, value] : wanted) {
            const auto found = present.find(key);
            if (found == present.end() || found->second != value) {
                progress.show(key, static_cast<double>(set) / static_cast<double>(wanted.size()));
                HVIS_CHECK(about(key, session.api.send("PUT", target / key, {{"value", value}})));
                ++set;
            }
        }
        return {};
    }

    /// Facts of the host take no room of what it holds.
    [[nodiscard]] Result<void, Failure> check_room(bool replace) const {
        const auto added = std::ranges::count_if(
            wanted, [&](const auto& pair) { return !present.contains(pair.first); });
        const auto held = std::ranges::count_if(
            present, [](const auto& pair) { return !control::is_host_fact(pair.first); });
        const auto all = static_cast<size_t>(added + held);
        if (replace || added == 0 || all <= control::kMaxHeldPairs) {
            return {};
        }
        return std::unexpected(make_failure(
            ErrorCode::kFailed, too_many("with those that are there already it would be ", all),
            "remove some (hvis kvp delete), or all that the file does not have (--replace)"));
    }

    Result<void, Failure> remove(const std::string& key) {
        auto gone = session.api.remove(target / key);
        // Facts of the host stay where they are the host's own.
        if (!gone && gone.error().outcome == "refused" && control::is_host_fact(key)) {
            return {};
        }
        HVIS_CHECK(about(key, std::move(gone)));
        ++removed;
        return {};
    }

    [[nodiscard]] std::string text() const {
        return counted(set, "pair") + " set, " + std::to_string(removed) + " removed";
    }

    static Result<void, Failure> about(const std::string& key, Result<Document, Failure> done) {
        if (!done) {
            done.error().message = "'" + key + "': " + done.error().message;
            return std::unexpected(done.error());
        }
        return {};
    }
};

struct ImportPairs {
    std::string vm;
    std::string pool = "external";
    std::string path;
    bool replace = false;

    Result<void, Failure> run(Session& session) const {
        const PairMap wanted = HVIS_TRY(read_pairs(path, session.api.interrupt()));
        const Target target = Target::vm(vm) / "kvp" / pool;
        const Document list = HVIS_TRY(session.api.get(target));
        const PairMap present = pairs_of(*list);
        Changes changes{.session = session, .target = target, .wanted = wanted, .present = present};
        if (auto done = changes.make(replace); !done) {
            Failure failure = done.error();
            if (changes.set + changes.removed == 0) {
                return std::unexpected(failure);
            }
            failure.message += "; before that, " + changes.text();
            failure.hint += (failure.hint.empty() ? "" : "; then ") +
                            std::string("import the file again: what is done already stays");
            return std::unexpected(failure);
        }
        session.print({{"set", changes.set}, {"removed", changes.removed}},
                      changes.text() + ", the others were so already\n");
        return {};
    }
};

}  // namespace

void add_kvp_file_verbs(CLI::App& kvp, Chosen& chosen) {
    CLI::App& save = add_verb(kvp, "export", "Write the pairs of a pool (external) as JSON",
                              "kvp export web pairs.json");
    const auto save_verb = choose<ExportPairs>(save, chosen);
    add_vm(save, save_verb->vm);
    add_path(save, type_name::kFile, save_verb->path, "where to (standard output)");
    add_choice(save, "--pool", save_verb->pool, control::kPoolWords, "which pool");

    CLI::App& load = add_verb(kvp, "import", "Set the pairs (of external) that a file holds",
                              "kvp import web pairs.json --replace");
    const auto load_verb = choose<ImportPairs>(load, chosen);
    add_vm(load, load_verb->vm);
    add_argument(load, type_name::kFile, load_verb->path,
                 "file that kvp export wrote; -: standard input");
    add_choice(load, "--pool", load_verb->pool, kWritablePools, "which pool");
    add_flag(load, "--replace", load_verb->replace, "remove the pairs that the file does not have");
}

}  // namespace hvis::cli

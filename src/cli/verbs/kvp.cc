#include <nlohmann/json.hpp>

#include "base/table.h"
#include "cli/verbs/verbs.h"
#include "control/commands.h"
#include "control/show.h"
#include "control/show_fields.h"

namespace hvis::cli {
namespace {

using std::chrono::milliseconds;

/// What all verbs of pairs have in common.
struct Pairs {
    std::string vm;
    std::string pool = "auto";
    std::optional<milliseconds> timeout;

    [[nodiscard]] Target target() const { return Target::vm(vm) / "kvp" / pool; }
    [[nodiscard]] Target with_timeout(const Target& target) const {
        return timeout ? target.with("timeout_ms", std::to_string(timeout->count())) : target;
    }
    [[nodiscard]] Duration patience() const {
        return timeout ? Duration(*timeout) + kMargin : Duration(kPatience);
    }
    void add_to(CLI::App& verb, std::span<const std::string_view> pools = control::kPoolWords) {
        add_vm(verb, vm);
        add_choice(verb, "--pool", pool, pools, "which pool");
    }
    void add_timeout_to(CLI::App& verb) {
        add_duration(verb, "--timeout", timeout, "give up after this long (5s)");
    }
};

/// What the verbs that read have in common.
struct ReadPairs : Pairs {
    bool held = false;

    void add_held_to(CLI::App& verb) {
        add_flag(verb, "--held", held,
                 "what the host keeps for the guest (in external), without asking it");
    }
    /// The host keeps nothing of auto, which stands for "all that matters" in both cases: what the
    /// guest says of itself, or what `kvp set` has set.
    [[nodiscard]] Target from_pool() const {
        return Target::vm(vm) / "kvp" / (held && pool == "auto" ? "external" : pool);
    }
    [[nodiscard]] Target as_asked(const Target& target) const {
        const Target found = with_timeout(target);
        return held ? found.with("held", "true") : found;
    }
};

struct ListPairs : ReadPairs {
    Result<void, Failure> run(Session& session) const {
        const Document pairs = HVIS_TRY(session.api.get(as_asked(from_pool()), patience()));
        session.print(*pairs, control::show_pairs(*pairs));
        return {};
    }
};

struct GetPair : ReadPairs {
    std::string key;

    Result<void, Failure> run(Session& session) const {
        const Document pair = HVIS_TRY(session.api.get(as_asked(from_pool() / key), patience()));
        session.print(*pair, control::text_at(*pair, "value") + "\n");
        return {};
    }
};

/// set (adds or changes) and add (only where the key is not there).
struct SetPair : Pairs {
    bool only_add = false;
    std::string key;
    std::string value;

    Result<void, Failure> run(Session& session) const {
        const Document answer =
            HVIS_TRY(only_add ? session.api.send("POST", with_timeout(target()),
                                                 {{"key", key}, {"value", value}}, patience())
                              : session.api.send("PUT", with_timeout(target() / key),
                                                 {{"value", value}}, patience()));
        session.print(*answer,
                      printable(key) + " of " + vm + " is " + (only_add ? "added\n" : "set\n"));
        return {};
    }
};

struct DeletePair : Pairs {
    std::string key;

    Result<void, Failure> run(Session& session) const {
        const Document answer =
            HVIS_TRY(session.api.remove(with_timeout(target() / key), patience()));
        session.print(*answer, printable(key) + " of " + vm + " is removed\n");
        return {};
    }
};

CLI::App& add_reader(CLI::App& kvp, const char* name, const char* description,
                     const std::string& example) {
    return add_verb(kvp, name, description, "kvp " + std::string(name) + " " + example);
}

void add_key(CLI::App& verb, std::string& key) {
    add_argument(verb, type_name::kKey, key, "which key");
}

void add_readers(CLI::App& kvp, Chosen& chosen) {
    CLI::App& list = add_reader(kvp, "list", "All pairs of a pool (auto)", "web --pool guest");
    const auto list_verb = choose<ListPairs>(list, chosen);
    list_verb->add_to(list);
    list_verb->add_timeout_to(list);
    list_verb->add_held_to(list);
    CLI::App& get = add_reader(kvp, "get", "The value of a key (of auto)", "web OSName");
    const auto get_verb = choose<GetPair>(get, chosen);
    get_verb->add_to(get);
    add_key(get, get_verb->key);
    get_verb->add_timeout_to(get);
    get_verb->add_held_to(get);
}

void add_writers(CLI::App& kvp, Chosen& chosen) {
    for (const bool only_add : {false, true}) {
        CLI::App& set =
            add_reader(kvp, only_add ? "add" : "set",
                       only_add ? "Add a pair (to external) whose key is not there"
                                : "Add or change a pair (of external); it is kept for the VM",
                       "web role frontend");
        const auto verb = choose<SetPair>(set, chosen);
        verb->pool = "external";
        verb->only_add = only_add;
        verb->add_to(set, kWritablePools);
        add_key(set, verb->key);
        add_argument(set, type_name::kValue, verb->value, "its value");
        verb->add_timeout_to(set);
    }
    CLI::App& remove = add_reader(kvp, "delete", "Remove a pair (of external)", "web role");
    const auto verb = choose<DeletePair>(remove, chosen);
    verb->pool = "external";
    verb->add_to(remove, kWritablePools);
    add_key(remove, verb->key);
    verb->add_timeout_to(remove);
}

}  // namespace

void add_kvp_verbs(CLI::App& kvp, Chosen& chosen) {
    add_readers(kvp, chosen);
    add_writers(kvp, chosen);
}

}  // namespace hvis::cli

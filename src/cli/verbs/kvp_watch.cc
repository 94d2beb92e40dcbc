#include <map>
#include <set>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/table.h"
#include "cli/following.h"
#include "cli/verbs/verbs.h"
#include "control/commands.h"
#include "control/show_fields.h"

namespace hvis::cli {
namespace {

using control::text_at;

/// "set  role = web", "delete  role", "ready  guest", "unavailable  the VM is not running"; for
/// programs the document of the API with its "change".
std::string change_line(const std::string& change, const Json& data, bool json) {
    if (json) {
        Json line = data;
        line["change"] = change;
        return control::dump_json(line) + "\n";
    }
    const Json& value = control::member_of(data, "value");
    std::string text = text_at(data, "key");
    if (change == "ready") {
        text = text_at(data, "pool");
    } else if (change == "unavailable") {
        text = text_at(data, "message");
    }
    return printable(change) + "  " + text +
           (value.is_null() ? "" : " = " + control::text_of(value)) + "\n";
}

/// What has been told of a pool. hvisd begins each stream with all pairs and "ready"; after a
/// restart of hvisd only the differences are told on, also of what went away meanwhile.
class Known {
public:
    using Tell = std::function<bool(const std::string& change, const Json& data)>;
    explicit Known(Tell tell) : tell_(std::move(tell)) {}

    void begin_stream() {
        listing_ = true;
        listed_.clear();
    }

    /// False when nobody reads any more.
    bool take(const std::string& change, const Json& data) {
        const Json& value = control::member_of(data, "value");
        const std::string key = data.is_object() ? data.value("key", "") : std::string();
        if (change == "set" && value.is_string()) {
            listed_.insert(key);
            const auto text = value.get<std::string>();
            const auto [pair, is_new] = pairs_.try_emplace(key, text);
            const bool changed = is_new || std::exchange(pair->second, text) != text;
            return !changed || tell_(change, data);
        }
        if (change == "delete") {
            return pairs_.erase(key) == 0 || tell_(change, data);
        }
        if (change == "ready" && std::exchange(listing_, false) && !tell_of_missing()) {
            return false;
        }
        return tell_(change, data);
    }

private:
    bool tell_of_missing() {
        for (auto pair = pairs_.begin(); pair != pairs_.end();) {
            if (listed_.contains(pair->first)) {
                ++pair;
                continue;
            }
            if (!tell_("delete", {{"key", pair->first}})) {
                return false;
            }
            pair = pairs_.erase(pair);
        }
        return true;
    }

    Tell tell_;
    std::map<std::string, std::string> pairs_;
    std::set<std::string> listed_;  // in this stream
    bool listing_ = true;           // until its first "ready"
};

/// One line for each change, until interrupted.
struct WatchPairs {
    std::string vm;
    std::string pool = "auto";

    Result<void, Failure> run(Session& session) const {
        HVIS_TRY(session.api.get(Target::vm(vm)));
        Known known([&](const std::string& change, const Json& data) {
            return session.output.out(change_line(change, data, session.json));
        });
        const auto target = [&] {
            known.begin_stream();
            return Target::vm(vm) / "kvp" / pool / "watch";
        };
        return keep_following(session, target, [&](const std::string& change, const Json& data) {
            return known.take(change, data);
        });
    }
};

}  // namespace

void add_kvp_watch_verb(CLI::App& kvp, Chosen& chosen) {
    CLI::App& watch = add_verb(kvp, "watch", "Changes of a pool (auto), until Ctrl+C",
                               "kvp watch web --pool guest");
    const auto verb = choose<WatchPairs>(watch, chosen);
    add_vm(watch, verb->vm);
    add_choice(watch, "--pool", verb->pool, control::kPoolWords, "which pool");
}

}  // namespace hvis::cli

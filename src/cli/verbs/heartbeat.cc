#include <algorithm>
#include <charconv>

#include <nlohmann/json.hpp>

#include "cli/summary.h"
#include "cli/verbs/verbs.h"
#include "control/alert_test.h"
#include "control/heartbeat_policy.h"
#include "control/show_fields.h"

namespace hvis::cli {
namespace {

using control::duration_at;
using control::ErrorCode;
using control::make_failure;
using control::member_of;
using control::text_at;
using std::chrono::milliseconds;

constexpr std::string_view kNoAction = control::kOnLossWords.front();

struct ShowHeartbeat {
    std::string vm;

    Result<void, Failure> run(Session& session) const {
        const Document heartbeat = HVIS_TRY(session.api.get(Target::vm(vm) / "heartbeat"));
        session.print(*heartbeat, heartbeat_text(*heartbeat));
        return {};
    }
};

struct SetHeartbeat {
    std::string vm;
    std::optional<milliseconds> interval;
    std::optional<milliseconds> latency;
    std::optional<milliseconds> grace;
    std::optional<uint32_t> misses;
    std::optional<uint32_t> window;
    std::optional<uint32_t> attempts;
    std::string on_loss;

    Result<void, Failure> run(Session& session) const {
        Json patch = Json::object();
        const auto put_time = [&](const char* name, const std::optional<milliseconds>& time) {
            if (time) {
                patch[name] = time->count();
            }
        };
        const auto put_count = [&](const char* name, const std::optional<uint32_t>& count) {
            if (count) {
                patch[name] = *count;
            }
        };
        put_time("interval_ms", interval);
        put_time("latency_ms", latency);
        put_time("grace_ms", grace);
        put_count("misses", misses);
        put_count("window", window);
        put_count("attempts", attempts);
        if (!on_loss.empty()) {
            patch["on_loss"] = on_loss;
        }
        if (patch.empty()) {
            return std::unexpected(make_failure(ErrorCode::kUsage, "nothing to change",
                                                "see hvis heartbeat set --help"));
        }
        if (attempts == 0U && !on_loss.empty() && on_loss != kNoAction) {
            return std::unexpected(make_failure(
                ErrorCode::kUsage, "--attempts 0: --on-loss " + on_loss + " would never be done",
                "say how often it is to be done, or --on-loss none"));
        }
        const Document heartbeat =
            HVIS_TRY(session.api.send("PATCH", Target::vm(vm) / "heartbeat", patch));
        session.print(*heartbeat, heartbeat_text(*heartbeat));
        return {};
    }
};

/// Why the hook has not taken the alert, for each state (openapi.yaml, AlertTest).
std::string problem_of(const Json& delivery) {
    std::string problem = text_at(delivery, "problem");
    const std::string state = text_at(delivery, "state");
    if (!problem.empty() || state == "taken") {
        return problem;
    }
    return state == "filtered" ? "its 'vms' do not have this VM" : "no answer in time";
}

std::string deliveries_text(const Json& deliveries) {
    std::vector<Row> rows = {{"HOOK", "STATE", "ATTEMPTS", "TOOK", "PROBLEM"}};
    for (const Json& delivery : deliveries) {
        const std::string state = text_at(delivery, "state");
        // An attempt that is still under way has no time yet.
        const bool ended = state == "taken" || !text_at(delivery, "problem").empty();
        rows.push_back({text_at(delivery, "hook"), state, text_at(delivery, "attempts"),
                        ended ? duration_at(delivery, "took_ms") : "-", problem_of(delivery)});
    }
    return table_text(rows);
}

/// Proven is the way of the alert when some hook has taken it, and none that should has not.
Result<void, Failure> judge_deliveries(const std::string& vm, const Json& deliveries) {
    const auto in_state = [&](std::string_view state) {
        return std::ranges::count_if(
            deliveries, [&](const Json& delivery) { return text_at(delivery, "state") == state; });
    };
    const auto failed = [](std::string message, std::string hint) {
        return std::unexpected(
            make_failure(ErrorCode::kFailed, std::move(message), std::move(hint)));
    };
    if (deliveries.empty()) {
        return failed("no hook is configured: the alert is in the event log, and nobody was told",
                      "add a [[webhook]] or [[hook]] to hvisd.toml, then: systemctl restart hvisd");
    }
    const auto all = std::ssize(deliveries);
    const auto filtered = in_state("filtered");
    if (filtered == all) {
        return failed("no hook takes the alerts of " + vm,
                      "add it to 'vms' of a hook in hvisd.toml, then: systemctl restart hvisd");
    }
    if (const auto missed = all - filtered - in_state("taken"); missed > 0) {
        return failed(std::to_string(missed) + " of " + std::to_string(all - filtered) +
                          " hooks did not take the alert",
                      "mend what PROBLEM names, then test again: hvis heartbeat test " + vm);
    }
    return {};
}

struct TestHeartbeat {
    std::string vm;

    Result<void, Failure> run(Session& session) const {
        const Document answer =
            HVIS_TRY(session.api.send("POST", Target::vm(vm) / "heartbeat" / "test", Json::object(),
                                      control::kAlertTestTime + kMargin));
        const Json& member = member_of(*answer, "deliveries");
        const Json deliveries = member.is_array() ? member : Json::array();
        session.print(*answer, deliveries.empty() ? "" : deliveries_text(deliveries));
        return judge_deliveries(vm, deliveries);
    }
};

/// "N/M" or "N".
std::optional<std::string> read_misses(const std::string& text, SetHeartbeat& verb) {
    const char* const end = text.data() + text.size();
    uint32_t misses = 0;
    auto read = std::from_chars(text.data(), end, misses);
    bool good = read.ec == std::errc();
    verb.misses = misses;
    if (good && read.ptr != end) {
        uint32_t window = 0;
        good = *read.ptr == '/';
        read = std::from_chars(read.ptr + 1, end, window);
        good = good && read.ec == std::errc() && read.ptr == end && misses <= window;
        verb.window = window;
    }
    return good ? std::nullopt
                : std::optional<std::string>("expected N/M with N at most M, such as 2/3");
}

void add_set(CLI::App& noun, Chosen& chosen) {
    CLI::App& set = add_verb(noun, "set", "Change the policy",
                             "heartbeat set web --misses 3/5 --on-loss reset --attempts 2");
    const auto verb = choose<SetHeartbeat>(set, chosen);
    add_vm(set, verb->vm);
    add_duration(set, "--interval", verb->interval, "between two beats");
    add_duration(set, "--latency", verb->latency, "a later answer is a miss");
    SetHeartbeat& fields = *verb;
    add_parsed(set, "--misses", "lost after N misses in the last M beats", "N/M",
               [&fields](const std::string& text) { return read_misses(text, fields); });
    add_duration(set, "--grace", verb->grace,
                 "no verdict for so long after start, resume and enable");
    add_choice(set, "--on-loss", verb->on_loss, control::kOnLossWords, "what is done then");
    add_number(set, "--attempts", verb->attempts, "how often that is done", "N");
}

}  // namespace

void add_heartbeat_verbs(CLI::App& app, Chosen& chosen) {
    CLI::App& noun = add_noun(app, "heartbeat", "Watching over a guest");
    CLI::App& show = add_verb(noun, "show", "Policy, counters and status", "heartbeat show web");
    add_vm(show, choose<ShowHeartbeat>(show, chosen)->vm);
    add_set(noun, chosen);
    CLI::App& test = add_verb(noun, "test", "Send a test alert, to prove that alerts arrive",
                              "heartbeat test web");
    add_vm(test, choose<TestHeartbeat>(test, chosen)->vm);
}

}  // namespace hvis::cli

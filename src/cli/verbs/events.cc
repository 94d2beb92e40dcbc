#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

#include "cli/event_table.h"
#include "cli/following.h"
#include "cli/verbs/event_start.h"
#include "cli/verbs/verbs.h"
#include "control/show_fields.h"

namespace hvis::cli {
namespace {

using control::text_at;

constexpr std::array<std::string_view, 4> kSeverities = {"info", "warning", "error", "critical"};
/// What hvisd takes as the limit when none is given.
constexpr size_t kDefaultLimit = 1000;

struct Events {
    std::string vm;
    bool follow = false;
    std::optional<EventStart> since;
    std::string severity;
    std::string service;
    std::vector<std::string> ids;
    std::optional<uint32_t> limit;

    [[nodiscard]] Target filtered() const {
        Target target = Target("/events").with("vm", vm).with("severity", severity);
        target = target.with("service", service);
        std::string list;
        for (const std::string& id : ids) {
            list += (list.empty() ? "" : ",") + id;
        }
        return target.with("id", list);
    }

    Result<void, Failure> run(Session& session) const {
        if (limit == 0U) {
            return std::unexpected(control::make_failure(control::ErrorCode::kUsage,
                                                         "--limit: expected 1 or more",
                                                         "see hvis events --help"));
        }
        return follow ? follow_on(session) : list(session);
    }

    Result<void, Failure> list(Session& session) const {
        const EventStart start = since.value_or(EventStart{});
        const Target begin = filtered().with("from", start.from);
        const Document first = HVIS_TRY(
            session.api.get(asked(begin, start.number, limit ? std::to_string(*limit) : "")));
        Json all = *first;
        while (const auto next = next_of(all)) {
            const size_t wanted = limit.value_or(kDefaultLimit);
            const size_t got = all["events"].size();
            if (got >= wanted) {
                break;
            }
            const Document more =
                HVIS_TRY(session.api.get(asked(begin, *next, std::to_string(wanted - got))));
            add_page(all, *more);
        }
        session.print(all, events_text(all));
        return {};
    }

    /// One page: from a number on, or of the newest the ones before it.
    [[nodiscard]] Target asked(const Target& begin, const std::string& number,
                               const std::string& at_most) const {
        Target target = begin.with(since ? "since" : "before", number);
        target = target.with("limit", at_most);
        return since ? target : target.with("newest", "true");
    }

    /// Where hvisd would go on; it looks at so many events for one answer, and no more.
    static std::optional<std::string> next_of(const Json& page) {
        const std::string next = text_at(page, "next");
        return next.empty() || !control::member_of(page, "events").is_array() ? std::nullopt
                                                                              : std::optional(next);
    }

    /// Keeps all in order, and where the last page ended.
    void add_page(Json& all, const Json& page) const {
        Json events = control::member_of(page, "events");
        Json& before = all["events"];
        if (!since) {
            std::swap(before, events);
        }
        before.insert(before.end(), events.begin(), events.end());
        all.erase("next");
        if (next_of(page)) {
            all["next"] = control::member_of(page, "next");
        }
    }

    /// Goes on over restarts of hvisd, from the number after the last that was shown; so it must
    /// know a number before it begins.
    Result<void, Failure> follow_on(Session& session) const {
        const Target newest = Target("/events").with("newest", "true").with("limit", "1");
        const Document last = HVIS_TRY(session.api.get(newest));
        EventStart start = since.value_or(EventStart{});
        if (!since) {
            start.number = std::to_string(control::number_at(*last, "last") + 1);
        }
        if (!session.json && !session.output.out(events_heading())) {
            return {};
        }
        const auto target = [&] {
            return filtered().with("since", start.number).with("from", start.from);
        };
        uint32_t shown = 0;
        return keep_following(session, target, [&](const std::string& /*type*/, const Json& event) {
            if (const Json& number = control::member_of(event, "sequence");
                number.is_number_unsigned()) {
                start = {.number = std::to_string(number.get<uint64_t>() + 1), .from = {}};
            }
            const bool listening = session.output.out(
                session.json ? control::dump_json(event) + "\n" : event_line(event));
            return listening && ++shown != limit;
        });
    }
};

/// The next --id on the line: one kind, or some with commas between.
std::optional<std::string> read_ids(const std::string& text, std::vector<std::string>& ids) {
    for (size_t begin = 0; begin <= text.size();) {
        const size_t end = std::min(text.find(',', begin), text.size());
        const auto number = event_number(text.substr(begin, end - begin));
        if (!number) {
            return "expected kinds of events, such as heartbeat_lost or 3001,3002 "
                   "(docs/events.md lists them)";
        }
        ids.push_back(*number);
        begin = end + 1;
    }
    return std::nullopt;
}

std::optional<std::string> read_start(const std::string& text, std::optional<EventStart>& start) {
    start = parse_event_start(text, WallTime::from_system(std::chrono::system_clock::now()));
    return start ? std::nullopt : std::optional<std::string>(kStartExpected);
}

}  // namespace

void add_event_verbs(CLI::App& app, Chosen& chosen) {
    CLI::App& events = add_verb(app, "events", "What has happened, to one VM or on the whole host",
                                "events web --since 2h --severity warning --follow");
    const auto verb = choose<Events>(events, chosen);
    add_vm(events, verb->vm, Need::kOptional);
    add_flag(events, "--follow,-f", verb->follow, "go on with what happens from now, until Ctrl+C");
    std::optional<EventStart>& since = verb->since;
    add_parsed(events, "--since", "from an event's number, a span before now, or a moment (UTC)",
               "WHEN", [&since](const std::string& text) { return read_start(text, since); });
    add_choice(events, "--severity", verb->severity, kSeverities, "this and worse");
    add_choice(events, "--service", verb->service, kEventServices, "only events about this");
    std::vector<std::string>& ids = verb->ids;
    add_parsed_list(events, "--id",
                    "only events of these kinds, by number or name; may be given again", "ID[,ID]",
                    [&ids](const std::string& text) { return read_ids(text, ids); });
    add_number(events, "--limit", verb->limit, "at most so many (1000; with --follow no limit)",
               "N");
}

}  // namespace hvis::cli

#include <array>
#include <charconv>

#include <nlohmann/json.hpp>

#include "control/time_text.h"
#include "manager/api/event_follower.h"
#include "manager/api/handlers.h"
#include "manager/api/query_reader.h"

namespace hvis::manager {
namespace {

using control::Json;
using control::Severity;

constexpr int64_t kHighestSequence = (int64_t{1} << 53U) - 1;
constexpr std::array<std::string_view, 4> kSeverities = {"info", "warning", "error", "critical"};

void read_time(QueryReader& query, std::string_view name, std::optional<WallTime>& time) {
    const auto text = query.text(name);
    if (!text) {
        return;
    }
    time = control::parse_time(*text);
    if (!time) {
        query.complain(name, "expected a time such as 2026-03-01T12:00:00Z");
    }
}

void read_ids(QueryReader& query, std::vector<uint16_t>& ids) {
    constexpr size_t kMaxIds = 64;
    const auto text = query.text("id");
    std::string_view rest = text ? std::string_view(*text) : std::string_view();
    while (!rest.empty()) {
        uint16_t id = 0;
        const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), id);
        const auto used = static_cast<size_t>(end - rest.data());
        if (error != std::errc() || (used < rest.size() && rest[used] != ',') ||
            ids.size() == kMaxIds) {
            query.complain("id", "expected numbers of events, with commas between");
            return;
        }
        ids.push_back(id);
        rest.remove_prefix(std::min(used + 1, rest.size()));
    }
}

}  // namespace

void list_events(ApiContext& context, const ApiRequest& request, Responder responder) {
    QueryReader query(request.query);
    EventFilter filter;
    if (const auto name = query.text("vm")) {
        filter.vm = context.supervisor.find(*name);
        if (!filter.vm) {
            // Of a deleted VM only the id is left.
            const auto id = Guid::parse(*name);
            if (!id) {
                responder.fail(control::make_failure(control::ErrorCode::kNotFound,
                                                     "there is no such VM",
                                                     "a deleted one can be named by its id"));
                return;
            }
            filter.vm = *id;
        }
    }
    const auto since = query.integer("since", {.lowest = 0, .highest = kHighestSequence});
    const auto before = query.integer("before", {.lowest = 0, .highest = kHighestSequence});
    if (before && request.wants_events) {
        query.complain("before", "not with text/event-stream, which goes on for ever");
    }
    if (before) {
        filter.before = static_cast<uint64_t>(*before);
    }
    read_time(query, "from", filter.from);
    read_time(query, "until", filter.until);
    filter.at_least = static_cast<Severity>(query.choice("severity", kSeverities).value_or(0));
    filter.service = query.text("service").value_or(std::string());
    read_ids(query, filter.ids);
    filter.limit = static_cast<uint32_t>(
        query.integer("limit", {.lowest = 1, .highest = EventFilter::kMaxLimit}).value_or(1000));
    filter.newest = query.boolean("newest").value_or(false);
    filter.since = static_cast<uint64_t>(since.value_or(0));
    if (const auto finished = query.finish(); !finished) {
        responder.fail(finished.error());
        return;
    }
    if (request.wants_events) {
        EventFollower::begin(context, filter, since.has_value(), request, responder);
        return;
    }
    auto page = context.events.query(filter);
    if (!page) {
        responder.fail(page.error());
        return;
    }
    HttpResponse response{.headers = {}, .body = {}, .render = {}};
    response.render = [page = *std::move(page), last = context.events.last()] {
        Json list = Json::array();
        for (const StoredEvent& event : page.events) {
            list.push_back(to_json(event));
        }
        Json answer = {{"events", std::move(list)}, {"last", last}};
        if (page.next) {
            answer["next"] = *page.next;
        }
        return control::dump_json(answer) + "\n";
    };
    responder.respond(std::move(response));
}

}  // namespace hvis::manager

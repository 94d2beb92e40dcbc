#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/fake_hvisd.h"
#include "cli/run.h"

namespace hvis::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

/// Runs hvis until `lines` lines are there: whoever reads has seen enough then.
Outcome read_lines(const std::string& socket, std::vector<std::string> words, size_t lines) {
    words.insert(words.end(), {"--socket", socket});
    Outcome outcome;
    const Output output{.out =
                            [&](std::string_view text) {
                                outcome.out += text;
                                return --lines > 0;
                            },
                        .err = [&](std::string_view text) { outcome.err += text; }};
    const Surroundings surroundings{.variable = [](const char*) { return std::string(); },
                                    .exists = [](const std::string&) { return false; }};
    outcome.status = run(words, output, surroundings, -1);
    return outcome;
}

std::string stream(const std::string& text) { return reply_text(200, text, "text/event-stream"); }

/// Each stream ends after one event, as when hvisd is restarted.
std::string one_event(const FakeRequest& request) {
    if (request.target == "/api/v1/events?newest=true&limit=1") {
        return reply_text(200, R"({"events":[],"last":6})");
    }
    const std::string number = request.target == "/api/v1/events?since=7" ? "7" : "8";
    return stream("event: event\ndata: {\"sequence\":" + number + "}\n\n");
}

TEST(Following, FollowsEventsOverARestartOfHvisd) {
    const FakeServer server(one_event);
    const Outcome outcome = read_lines(server.path(), {"events", "--follow", "--json"}, 2);
    EXPECT_EQ(outcome.status, 0);
    EXPECT_EQ(outcome.out, "{\"sequence\":7}\n{\"sequence\":8}\n");
    EXPECT_THAT(server.lines(),
                ElementsAre("GET /api/v1/events?newest=true&limit=1", "GET /api/v1/events?since=7",
                            "GET /api/v1/events?since=8"));
}

TEST(Following, EndsAfterAsManyEventsAsWereWanted) {
    const FakeServer server(one_event);
    const Outcome outcome = run_hvis(server.path(), {"events", "--follow", "--limit", "1"});
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_THAT(outcome.out, StartsWith("NUMBER  TIME "));
    EXPECT_THAT(outcome.out, HasSubstr("\n7       "));
    EXPECT_EQ(std::ranges::count(outcome.out, '\n'), 2);
}

std::string pair_set(const std::string& key, const std::string& value) {
    return "event: set\ndata: {\"key\":\"" + key + "\",\"value\":\"" + value + "\"}\n\n";
}
constexpr const char* kReady = "event: ready\ndata: {\"pool\":\"guest\"}\n\n";

TEST(Following, TellsWhatChangedWhileHvisdWasAway) {
    std::vector<std::string> streams = {
        stream(pair_set("a", "1") + pair_set("b", "\\u001b") + pair_set("c", "3") + kReady +
               "event: delete\ndata: {\"key\":\"c\"}\n\n"),
        stream(pair_set("a", "1") + pair_set("d", "4") + kReady + pair_set("a", "2"))};
    const FakeServer server([&](const FakeRequest& request) {
        if (!request.target.ends_with("/watch")) {
            return reply_text(200, "{}");
        }
        const std::string next = streams.front();
        streams.erase(streams.begin());
        return next;
    });
    const Outcome outcome =
        read_lines(server.path(), {"kvp", "watch", "web", "--pool", "guest"}, 9);
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_EQ(outcome.out,
              "set  a = 1\nset  b = \\x1b\nset  c = 3\nready  guest\ndelete  c\n"
              "set  d = 4\ndelete  b\nready  guest\nset  a = 2\n");
    EXPECT_EQ(outcome.err, "hvis: hvisd ended the stream; going on as soon as it is back\n");
    EXPECT_THAT(server.lines(),
                ElementsAre("GET /api/v1/vms/web", "GET /api/v1/vms/web/kvp/guest/watch",
                            "GET /api/v1/vms/web/kvp/guest/watch"));
}

TEST(Following, WatchesForProgramsUntilTheVmIsGone) {
    FakeHvisd hvisd;
    hvisd.answer("GET /api/v1/vms/web/kvp/auto/watch", 404,
                 R"({"detail":"there is no such VM","code":"not_found","hint":"see the list"})");
    EXPECT_EQ(run_hvis(hvisd.path(), {"kvp", "watch", "web"}).status, 3);
    const FakeServer server([](const FakeRequest& request) {
        return request.target.ends_with("/watch")
                   ? stream(pair_set("a", "1") +
                            "event: unavailable\ndata: {\"message\":\"it is stopped\"}\n\n")
                   : reply_text(200, "{}");
    });
    EXPECT_EQ(read_lines(server.path(), {"kvp", "watch", "web", "--json"}, 2).out,
              "{\"change\":\"set\",\"key\":\"a\",\"value\":\"1\"}\n"
              "{\"change\":\"unavailable\",\"message\":\"it is stopped\"}\n");
    EXPECT_EQ(read_lines(server.path(), {"kvp", "watch", "web"}, 2).out,
              "set  a = 1\nunavailable  it is stopped\n");
}

}  // namespace
}  // namespace hvis::cli

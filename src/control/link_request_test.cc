// Requests over a link, from the asking to their one answer.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "control/link_fixture.h"

namespace hvis::control {
namespace {

using namespace std::chrono_literals;

TEST_F(LinkTest, AnswersEachOfManyRequestsInAnyOrder) {
    greet();
    std::optional<Reply> first;
    std::optional<Reply> second;
    ask(WaitCommand{}, first);
    ask(StatsCommand{}, second);
    run_until([this] { return kept.size() == 2; });
    StatsResult stats;
    stats.exits = {{"io", 3}};
    kept[1].done(stats);
    run_until([&] { return second.has_value(); });
    EXPECT_FALSE(first);
    EXPECT_EQ((**second)->at("exits").at("io"), 3);
    kept[0].failed(make_failure(ErrorCode::kTimedOut, "too long"));
    run_until([&] { return first.has_value(); });
    EXPECT_EQ(first->error().code, ErrorCode::kTimedOut);
    EXPECT_EQ(link->outstanding(), 0U);
}

TEST_F(LinkTest, JoinsTheListsOfALongResult) {
    greet();
    answer = [](Responder responder) {
        KvpResult result{.pool = Pool::kGuest, .pairs = {}};
        for (int number = 0; number < 2000; ++number) {
            result.pairs.push_back({.key = std::to_string(number), .value = std::string(99, 'v')});
        }
        responder.done(result);
    };
    std::optional<Reply> reply;
    ask(KvpListCommand{.pool = Pool::kGuest}, reply);
    run_until([&] { return reply.has_value(); });
    ASSERT_TRUE(*reply);
    EXPECT_EQ((**reply)->at("pairs").size(), 2000U);
    EXPECT_EQ((**reply)->at("pairs")[1999].at("key"), "1999");
}

TEST_F(LinkTest, TakesARequestBackAtItsDeadlineAndIgnoresTheLateAnswer) {
    greet();
    std::optional<Reply> reply;
    ask(WaitCommand{}, reply, 20ms);
    run_until([&] { return reply.has_value() && !kept.empty() && !kept[0].wanted(); });
    EXPECT_EQ(reply->error().code, ErrorCode::kTimedOut);
    std::optional<Reply> next;
    answer = [](Responder responder) { responder.done(); };
    ask(MachineCommand{}, next);
    run_until([&] { return next.has_value(); });
    EXPECT_TRUE(*next);
    EXPECT_FALSE(end);
}

TEST_F(LinkTest, CancelsHereAndAtTheWorker) {
    greet();
    std::optional<Reply> reply;
    const auto id = ask(WaitCommand{}, reply);
    run_until([this] { return kept.size() == 1; });
    link->cancel(id);
    EXPECT_FALSE(reply);
    run_until([&] { return reply.has_value() && !kept[0].wanted(); });
    EXPECT_EQ(reply->error().outcome, "cancelled");
    link->cancel(id);
    link->cancel(99);
}

TEST_F(LinkTest, RefusesWhatIsTooMuch) {
    greet();
    std::vector<std::optional<Reply>> replies(Link::kMaxOutstanding + 1);
    for (auto& reply : replies) {
        ask(WaitCommand{}, reply);
    }
    run_until([&] { return replies.back().has_value(); });
    EXPECT_EQ(replies.back()->error().code, ErrorCode::kFailed);
    run_until([&] { return kept.size() == Link::kMaxOutstanding; });
    std::optional<Reply> reply;
    link->cancel(1);
    run_until([&] { return replies[0].has_value(); });
    const auto args = std::make_shared<const Json>(Json{{"key", std::string(70'000, 'x')}});
    link->request({.verb = "kvp.get", .args = args}, loop::Loop::now() + 20s, into(reply));
    run_until([&] { return reply.has_value(); });
    EXPECT_EQ(reply->error().code, ErrorCode::kUsage);
}

TEST_F(LinkTest, FailsWhatIsOutstandingWhenTheWorkerEnds) {
    greet();
    std::optional<Reply> reply;
    ask(WaitCommand{}, reply);
    run_until([this] { return kept.size() == 1; });
    server.reset();
    run_until([this] { return end.has_value(); });
    EXPECT_EQ(end->reason, LinkEnd::Reason::kHungUp);
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->error().outcome, Link::kLinkLost);
    std::optional<Reply> late;
    ask(StatusCommand{}, late);
    run_until([&] { return late.has_value(); });
    EXPECT_EQ(late->error().outcome, Link::kLinkLost);
}

TEST_F(LinkTest, TellsWhatAWatchTellsUntilItIsCancelled) {
    greet();
    std::vector<Json> told;
    std::optional<Reply> ended;
    const auto id = link->follow(
        encode_command(KvpWatchCommand{}), [&](const Json& notice) { told.push_back(notice); },
        into(ended));
    run_until([this] { return kept.size() == 1; });
    kept[0].tell(WatchingNotice{.pool = Pool::kGuest, .pairs = 1});
    kept[0].tell(KvpChangeNotice{.pool = Pool::kGuest, .key = "role", .value = "web"});
    run_until([&] { return told.size() == 2; });
    EXPECT_EQ(told[0].at("watching").at("pairs"), 1);
    EXPECT_EQ(told[1].at("change").at("value"), "web");
    EXPECT_FALSE(ended);
    bool cancelled = false;
    kept[0].on_cancelled([&] { cancelled = true; });
    link->cancel(id);
    run_until([&] { return cancelled && ended; });
    EXPECT_EQ(ended->error().outcome, "cancelled");
    EXPECT_EQ(link->outstanding(), 0U);
}

TEST_F(LinkTest, ToldMayEndTheWatchOrTheLink) {
    greet();
    std::optional<Reply> ended;
    link->follow(
        encode_command(KvpWatchCommand{}), [this](const Json&) { link.reset(); }, into(ended));
    run_until([this] { return kept.size() == 1; });
    kept[0].tell(WatchingNotice{.pool = Pool::kGuest, .pairs = 1});
    run_until([this] { return link == nullptr; });
    EXPECT_FALSE(ended);
}

TEST_F(LinkTest, AWatchEndsWithTheWorker) {
    greet();
    std::optional<Reply> ended;
    link->follow(encode_command(KvpWatchCommand{}), [](const Json&) {}, into(ended));
    run_until([this] { return kept.size() == 1; });
    server.reset();
    run_until([&] { return ended.has_value(); });
    EXPECT_FALSE(*ended);
}

}  // namespace
}  // namespace hvis::control

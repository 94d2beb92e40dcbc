#include "control/link.h"

#include <cstdlib>
#include <filesystem>
#include <optional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sys/socket.h>

#include "base/log.h"
#include "control/listener.h"
#include "control/packet.h"
#include "control/server.h"

namespace hvis::control {
namespace {

using namespace std::chrono_literals;
using Reply = Result<std::shared_ptr<const Json>, Failure>;

/// A link and the server it talks to, both on one loop.
class LinkTest : public testing::Test {
protected:
    LinkTest() {
        set_log_level(LogLevel::kError);
        std::string name = testing::TempDir() + "hvis-link-XXXXXX";
        EXPECT_NE(::mkdtemp(name.data()), nullptr);
        directory = name;
        path = directory + "/control.sock";
    }
    ~LinkTest() override {
        link.reset();
        kept.clear();
        server.reset();
        std::filesystem::remove_all(directory);
    }

    void listen() {
        auto listening = Server::listen(
            *loop, log, path,
            {.program = "fake", .version = "1", .name = "web", .id = "5c0a", .run = "r"},
            [this](const Command& command, Responder responder) {
                commands.push_back(command);
                if (answer) {
                    answer(std::move(responder));
                } else {
                    kept.push_back(std::move(responder));
                }
            });
        ASSERT_TRUE(listening);
        server = *std::move(listening);
    }

    /// A bare socket in place of the server, to say what no server says.
    UniqueFd accept_bare() {
        for (int round = 0; round < 100; ++round) {
            auto client = bare->accept();
            EXPECT_TRUE(client);
            if (*client) {
                return *std::move(client);
            }
            loop->run_once(10ms);
        }
        return {};
    }

    void connect(Duration limit = 20s) {
        link = Link::connect(*loop, path, loop::Loop::now() + limit,
                             {.greeted = [this](const Json& said) { hello = said; },
                              .event = [this](const Json& event) { events.push_back(event); },
                              .status =
                                  [this](std::shared_ptr<const Json> status) {
                                      statuses.push_back(std::move(status));
                                  },
                              .ended =
                                  [this](const LinkEnd& why) {
                                      EXPECT_FALSE(end) << "ended twice";
                                      end = why;
                                  }});
    }

    void greet() {
        listen();
        connect();
        run_until([this] { return link->greeted(); });
    }

    template <class Condition>
    void run_until(Condition condition) {
        const TimePoint limit = loop::Loop::now() + 20s;
        while (!condition() && loop::Loop::now() < limit) {
            loop->run_once(100ms);
        }
        ASSERT_TRUE(condition());
    }

    Link::Answered into(std::optional<Reply>& reply) {
        return [&reply](Reply outcome) {
            EXPECT_FALSE(reply) << "answered twice";
            reply.emplace(std::move(outcome));
        };
    }
    Link::RequestId ask(const Command& command, std::optional<Reply>& reply, Duration limit = 20s) {
        return link->request(encode_command(command), loop::Loop::now() + limit, into(reply));
    }

    std::string directory;
    std::string path;
    std::unique_ptr<loop::Loop> loop = *loop::Loop::create();
    EventLog log;
    std::unique_ptr<Server> server;
    std::optional<Listener> bare;
    std::function<void(Responder)> answer;
    std::vector<Command> commands;
    std::vector<Responder> kept;
    std::unique_ptr<Link> link;
    std::optional<Json> hello;
    std::vector<Json> events;
    std::vector<std::shared_ptr<const Json>> statuses;
    std::optional<LinkEnd> end;
};

TEST_F(LinkTest, GreetsAndKnowsTheProcessAtTheOtherEnd) {
    greet();
    ASSERT_TRUE(hello);
    EXPECT_EQ(hello->at("name"), "web");
    EXPECT_EQ(link->peer(), ::getpid());
}

TEST_F(LinkTest, SaysThatNobodyIsThereFromTheLoopOnly) {
    connect();
    EXPECT_FALSE(end);
    run_until([this] { return end.has_value(); });
    EXPECT_EQ(end->reason, LinkEnd::Reason::kNobodyThere);
}

TEST_F(LinkTest, RefusesAPathThatIsTooLong) {
    path = std::string(108, 'x');
    connect();
    run_until([this] { return end.has_value(); });
    EXPECT_EQ(end->reason, LinkEnd::Reason::kNobodyThere);
}

TEST_F(LinkTest, GivesUpWhereNoHelloComes) {
    bare.emplace(*Listener::create(path));
    connect(20ms);
    run_until([this] { return end.has_value(); });
    EXPECT_EQ(end->reason, LinkEnd::Reason::kNoGreeting);
}

TEST_F(LinkTest, RefusesAnotherProtocolAndNonsense) {
    bare.emplace(*Listener::create(path));
    for (const char* first : {R"({"hello":{"protocol":2}})", R"({"hello":7})", "[]", "{",
                              R"({"id":0,"error":{"code":"usage","message":"no"}})"}) {
        end.reset();
        connect();
        const UniqueFd worker = accept_bare();
        ASSERT_TRUE(send_packet(worker.get(), first));
        run_until([this] { return end.has_value(); });
        EXPECT_EQ(end->reason, LinkEnd::Reason::kBrokeProtocol) << first;
    }
}

TEST_F(LinkTest, EndsAtWhatNoWorkerSays) {
    bare.emplace(*Listener::create(path));
    for (const char* nonsense :
         {"x", R"({"id":"1"})", R"({"id":0,"error":{"code":"usage"}})", R"({"id":1})"}) {
        end.reset();
        connect();
        const UniqueFd worker = accept_bare();
        ASSERT_TRUE(send_packet(worker.get(), R"({"hello":{"protocol":1}})"));
        run_until([this] { return link->greeted(); });
        std::optional<Reply> reply;
        ask(StatusCommand{}, reply);
        ASSERT_TRUE(send_packet(worker.get(), nonsense));
        run_until([this] { return end.has_value(); });
        EXPECT_EQ(end->reason, LinkEnd::Reason::kBrokeProtocol) << nonsense;
        ASSERT_TRUE(reply);
        EXPECT_EQ(reply->error().outcome, Link::kLinkLost);
    }
}

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

TEST_F(LinkTest, EndsWhereTheWorkerDoesNotRead) {
    bare.emplace(*Listener::create(path));
    connect();
    const UniqueFd worker = accept_bare();
    ASSERT_TRUE(send_packet(worker.get(), R"({"hello":{"protocol":1}})"));
    run_until([this] { return link->greeted(); });
    const auto args = std::make_shared<const Json>(Json{{"key", std::string(60'000, 'x')}});
    // Each request that is cancelled makes room for another, but the worker reads none.
    for (size_t number = 0; number <= 2 * Link::kMaxQueuedPackets && !end; ++number) {
        const auto id = link->request({.verb = "kvp.get", .args = args}, loop::Loop::now() + 20s,
                                      [](const Reply&) {});
        link->cancel(id);
        loop->run_once(0ms);
    }
    run_until([this] { return end.has_value(); });
    EXPECT_EQ(end->reason, LinkEnd::Reason::kDoesNotRead);
}

TEST_F(LinkTest, PassesEventsAndStatusOn) {
    greet();
    std::optional<Reply> reply;
    ask(EventsSubscribeCommand{.since = 0}, reply);
    log.record(EventId::kVmPaused, {}, {});
    log.record(EventId::kVmResumed, {}, {});
    run_until([this] { return events.size() == 2; });
    EXPECT_EQ(events[0].at("sequence"), 1);
    EXPECT_EQ(events[1].at("name"), "vm_resumed");
}

TEST_F(LinkTest, PassesAPushedStatusOn) {
    bare.emplace(*Listener::create(path));
    connect();
    const UniqueFd worker = accept_bare();
    ASSERT_TRUE(send_packet(worker.get(), R"({"hello":{"protocol":1}})"));
    ASSERT_TRUE(send_packet(worker.get(), R"({"status":{"state":"running"}})"));
    run_until([this] { return statuses.size() == 1; });
    EXPECT_EQ(statuses[0]->at("state"), "running");
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

TEST_F(LinkTest, MayBeDestroyedByAnyCallback) {
    greet();
    answer = [](Responder responder) { responder.done(); };
    link->request(encode_command(MachineCommand{}), loop::Loop::now() + 20s,
                  [this](const Reply&) { link.reset(); });
    run_until([this] { return link == nullptr; });
    connect();
    run_until([this] { return link->greeted(); });
    link->request(encode_command(EventsSubscribeCommand{}), loop::Loop::now() + 20s,
                  [](const Reply&) {});
    loop->run_once(10ms);
    auto owned = std::move(link);
    link = Link::connect(*loop, path, loop::Loop::now() + 20s,
                         {.greeted = [this](const Json&) { link.reset(); },
                          .event = {},
                          .status = {},
                          .ended = [](const LinkEnd&) { ADD_FAILURE() << "told after the end"; }});
    run_until([this] { return link == nullptr; });
    link = std::move(owned);
    link->request(encode_command(WaitCommand{}), loop::Loop::now() + 20s,
                  [this](const Reply&) { link.reset(); });
    server.reset();
    run_until([this] { return link == nullptr; });
    EXPECT_FALSE(end);
}

}  // namespace
}  // namespace hvis::control

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "control/link_fixture.h"
#include "control/packet.h"

namespace hvis::control {
namespace {

using namespace std::chrono_literals;

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

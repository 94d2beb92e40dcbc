#include "control/client.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "control/fake_worker.h"

namespace hvis::control {
namespace {

TEST(Client, ReadsTheHelloOfTheWorker) {
    const FakeWorker worker([](const Command&, Responder) {});
    const Client client = worker.connect();
    EXPECT_EQ(client.hello().at("name"), "web");
    EXPECT_EQ(client.hello().at("protocol"), kProtocolVersion);
}

TEST(Client, SaysThatNobodyListens) {
    const auto client = Client::connect(testing::TempDir() + "hvis-none.sock", soon());
    ASSERT_FALSE(client);
    EXPECT_EQ(client.error().code, ErrorCode::kNotFound);
    EXPECT_FALSE(client.error().hint.empty());
    EXPECT_EQ(Client::connect(std::string(108, 'x'), soon()).error().code, ErrorCode::kUsage);
}

TEST(Client, JoinsTheListsOfALongResult) {
    FakeWorker worker([](const Command&, Responder responder) {
        KvpResult result{.pool = Pool::kGuest, .pairs = {}};
        for (int number = 0; number < 2000; ++number) {
            result.pairs.push_back({.key = std::to_string(number), .value = std::string(99, 'v')});
        }
        responder.done(result);
    });
    Client client = worker.connect();
    const auto result = client.call(KvpListCommand{.pool = Pool::kGuest}, soon());
    ASSERT_TRUE(result) << result.error().message;
    ASSERT_EQ((*result)->at("pairs").size(), 2000U);
    EXPECT_EQ((*result)->at("pairs")[1999].at("key"), "1999");
}

TEST(Client, GivesUpAtTheDeadlineAndIgnoresTheLateAnswer) {
    std::vector<Responder> kept;
    FakeWorker worker([&](const Command& command, Responder responder) {
        if (std::holds_alternative<StatusCommand>(command)) {
            kept.push_back(std::move(responder));
        } else {
            kept.clear();  // answers the first request, late
            responder.done(WaitResult{.condition = Condition::kKvp, .waited = {}});
        }
    });
    Client client = worker.connect();
    const auto late = client.call(StatusCommand{},
                                  std::chrono::steady_clock::now() + std::chrono::milliseconds(20));
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().code, ErrorCode::kTimedOut);
    const auto next = client.call(WaitCommand{}, soon());
    ASSERT_TRUE(next) << next.error().message;
    EXPECT_EQ((*next)->at("for"), "kvp");
}

TEST(Client, KeepsEventsThatArriveBeforeAReply) {
    FakeWorker* running = nullptr;
    FakeWorker worker([&](const Command&, Responder responder) {
        running->events().record(EventId::kVmPaused, {}, {});
        responder.done();
    });
    running = &worker;
    Client client = worker.connect();
    ASSERT_TRUE(client.call(EventsSubscribeCommand{}, soon()));
    ASSERT_TRUE(client.call(MachineCommand{}, soon()));
    const auto event = client.next_event(soon());
    ASSERT_TRUE(event);
    ASSERT_NE(*event, nullptr);
    EXPECT_EQ((*event)->at("name"), "vm_paused");
    const auto none = client.next_event(std::chrono::steady_clock::now());
    ASSERT_TRUE(none);
    EXPECT_EQ(*none, nullptr);
}

}  // namespace
}  // namespace hvis::control

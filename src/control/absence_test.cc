// What a manager finds that was away: another run behind the same socket, events that are gone.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "control/fake_worker.h"

namespace hvis::control {
namespace {

void answer_at_once(const Command&, Responder responder) { responder.done(); }

TEST(Absence, CostsTheEventsThatNoLongerFitAndSaysHowMany) {
    constexpr uint64_t kTooMany = 1'000;
    FakeWorker worker(answer_at_once);
    worker.on_loop([&] {
        for (uint64_t count = 0; count < EventLog::kCapacity + kTooMany; ++count) {
            worker.events().record(EventId::kVmPaused, {}, {});
        }
    });
    Client manager = worker.connect();
    const auto begun = manager.call(EventsSubscribeCommand{.since = 1}, soon());
    ASSERT_TRUE(begun);
    EXPECT_EQ((*begun)->at("lost"), kTooMany);
    EXPECT_EQ((*begun)->at("next"), kTooMany + 1);
    for (uint64_t sequence = kTooMany + 1; sequence <= EventLog::kCapacity + kTooMany; ++sequence) {
        const auto event = manager.next_event(soon());
        ASSERT_TRUE(event && *event != nullptr) << "before event " << sequence;
        ASSERT_EQ((*event)->at("sequence"), sequence);
    }
    const auto listed = manager.call(EventsListCommand{.since = 1}, soon());
    ASSERT_TRUE(listed);
    EXPECT_EQ((*listed)->at("lost"), kTooMany);
    EXPECT_EQ((*listed)->at("events").size(), EventLog::kCapacity);
}

TEST(Absence, CostsNothingWhereEverythingIsStillKept) {
    FakeWorker worker(answer_at_once);
    worker.on_loop([&] {
        for (size_t count = 0; count < EventLog::kCapacity; ++count) {
            worker.events().record(EventId::kVmPaused, {}, {});
        }
    });
    Client manager = worker.connect();
    EXPECT_EQ((*manager.call(EventsSubscribeCommand{.since = 1}, soon()))->at("lost"), 0);
    EXPECT_EQ((*manager.next_event(soon()))->at("sequence"), 1);
}

TEST(Absence, EndsInAnotherRunForAsManyManagersAsThereMayBe) {
    FakeWorker worker(answer_at_once);
    worker.on_loop([&] { worker.server().publish_status([] { return StatusResult{}; }); });
    std::vector<Client> managers;
    for (size_t count = 0; count < Server::kMaxClients; ++count) {
        managers.push_back(worker.connect());
        EXPECT_TRUE(managers.back().call(EventsSubscribeCommand{}, soon()));
        EXPECT_TRUE(managers.back().call(StatusSubscribeCommand{}, soon()));
    }
    const std::string before = managers.front().hello().at("run");
    worker.restart("another-run");
    for (Client& manager : managers) {
        // What was on its way comes first.
        auto event = manager.next_event(soon());
        while (event && *event != nullptr) {
            event = manager.next_event(soon());
        }
        ASSERT_FALSE(event);
        EXPECT_EQ(event.error().outcome, Client::kHungUp);
    }
    managers.clear();
    for (size_t count = 0; count < Server::kMaxClients; ++count) {
        managers.push_back(worker.connect());
        EXPECT_EQ(managers.back().hello().at("run"), "another-run");
        EXPECT_TRUE(managers.back().call(StatusCommand{}, soon()));
    }
    EXPECT_NE(before, "another-run");
}

}  // namespace
}  // namespace hvis::control

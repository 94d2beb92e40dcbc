#include "manager/events/event_log.h"

#include <algorithm>
#include <map>

#include <gmock/gmock.h>

#include "manager/events/test_log.h"

namespace hvis::manager {
namespace {

using control::EventId;
using testing::ElementsAre;
using testing::IsEmpty;

class EventLogTest : public LogTest {
protected:
    /// From now on nothing fits into the store; its present pages are filled up first.
    void fill_disk() {
        must(store->limit_size(1));
        std::vector<StoredEvent> filler(1);
        filler[0].name = "filler";
        while (store->append_events(filler, {})) {
        }
    }
    void make_room() { must(store->limit_size(0)); }
};

TEST_F(EventLogTest, CommitsABatchAndTellsItInOrder) {
    std::vector<uint64_t> told;
    log->subscribe([&](const StoredEvent& event) { told.push_back(event.sequence); });
    log->record(EventId::kVmPaused, {.id = kWeb, .name = "web"});
    EXPECT_TRUE(take(1));
    log->record(EventId::kAlertTest, {{"caller", "uid 0"}});
    EXPECT_THAT(told, IsEmpty());
    ASSERT_TRUE(run_until([&] { return told.size() == 3; }));
    EXPECT_THAT(told, ElementsAre(1, 2, 3));
    EXPECT_EQ(log->last(), 3U);
    const auto events = kept();
    ASSERT_EQ(events.size(), 3U);
    EXPECT_EQ(events[0].vm, kWeb);
    EXPECT_EQ(events[0].text, "the machine is paused");
    EXPECT_EQ(events[1].text, "event 1");
    EXPECT_EQ(events[2].vm, std::nullopt);
    EXPECT_EQ(events[2].service, "manager");
    EXPECT_EQ(events[2].text, "uid 0 has asked for a test of the alerts");
}

TEST_F(EventLogTest, TakesEachEventOfAWorkerOnceAlsoAcrossRestarts) {
    EXPECT_EQ(log->next_of(kWeb, kRun), 1U);
    EXPECT_TRUE(take(1));
    EXPECT_TRUE(take(2));
    EXPECT_TRUE(take(1)) << "taken already: dropped";
    EXPECT_EQ(log->next_of(kWeb, kRun), 3U);
    begin_again();
    EXPECT_EQ(log->next_of(kWeb, kRun), 3U);
    EXPECT_TRUE(take(2));
    EXPECT_TRUE(take(3));
    must(log->flush());
    EXPECT_EQ(kept().size(), 3U);
    EXPECT_EQ(must(store->load_vms())[0].next_event, 4U);
    EXPECT_TRUE(log->take({.id = kWeb, .name = "web"}, kWeb, pushed(1))) << "another life";
    must(log->flush());
    EXPECT_EQ(kept().size(), 4U);
}

TEST_F(EventLogTest, RecordsTheEndOfALifeOnceAcrossRestarts) {
    const EventLog::Subject web{.id = kWeb, .name = "web"};
    ASSERT_TRUE(take(1));
    for (int life = 0; life < 3; ++life) {
        log->record_end(EventId::kWorkerFailed, web, kRun, {{"why", "killed"}});
        must(log->flush());
        log->record_end(EventId::kWorkerFailed, web, kRun, {{"why", "killed"}});
        begin_again();
    }
    EXPECT_TRUE(take(2)) << "nothing of that life is taken any more";
    must(log->flush());
    EXPECT_THAT(kept_names(), ElementsAre("vm_started", "worker_failed"));
}

TEST_F(EventLogTest, SaysWhichEventsOfAWorkerAreMissing) {
    EXPECT_TRUE(take(1));
    EXPECT_TRUE(take(5));
    must(log->flush());
    const auto events = kept();
    ASSERT_EQ(events.size(), 3U);
    EXPECT_EQ(events[1].id, 7103);
    EXPECT_EQ(events[1].vm, kWeb);
    EXPECT_EQ(events[1].fields, (control::EventFields{{"count", "3"}, {"first", "2"}}));
    EXPECT_EQ(log->next_of(kWeb, kRun), 6U);
}

TEST_F(EventLogTest, ForgetsARemovedVmAndKeepsItsEvents) {
    EXPECT_TRUE(take(1));
    must(store->remove_vm(kWeb));
    log->forget(kWeb);
    must(log->flush());
    EXPECT_EQ(kept().size(), 1U);
    EXPECT_EQ(log->next_of(kWeb, kRun), 1U);
}

TEST_F(EventLogTest, LetsSubscribersRemoveEachOtherAndRecord) {
    EventLog::SubscriptionId second = 0;
    int first_told = 0;
    int second_told = 0;
    log->subscribe([&](const StoredEvent& event) {
        log->unsubscribe(second);
        if (++first_told == 1) {
            log->record(EventId::kVmPaused);
            must(log->flush());
            EXPECT_EQ(first_told, 1) << "not from within, but after " << event.sequence;
        }
    });
    second = log->subscribe([&](const StoredEvent&) { ++second_told; });
    log->record(EventId::kVmResumed);
    must(log->flush());
    EXPECT_EQ(first_told, 2);
    EXPECT_EQ(second_told, 0);
}

TEST_F(EventLogTest, WaitsWhileTheDiskIsFullAndCatchesUp) {
    fill_disk();
    const size_t before = kept().size();
    EXPECT_TRUE(take(1));
    log->record(EventId::kVmPaused);
    EXPECT_FALSE(log->flush());
    ASSERT_TRUE(log->problem());
    EXPECT_THAT(log->problem()->message, testing::HasSubstr("no room to grow"));
    EXPECT_EQ(kept().size(), before);
    EXPECT_EQ(log->waiting(), 3U) << "with the event about it";
    make_room();
    ASSERT_TRUE(run_until([&] { return log->waiting() == 0; })) << "tried again by itself";
    EXPECT_FALSE(log->problem());
    auto names = kept_names();
    names.erase(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(before));
    EXPECT_THAT(names, ElementsAre("vm_started", "vm_paused", "store_failed", "store_recovered"));
    EXPECT_EQ(must(store->next_event_of(kWeb, kRun)), 2U);
}

TEST_F(EventLogTest, TakesNoMoreThanItHasRoomForAndLosesNothingOfAWorker) {
    fill_disk();
    const size_t before = kept().size();
    uint64_t number = 1;
    while (take(number)) {
        ++number;
    }
    EXPECT_EQ(log->waiting(), EventLog::kMaxWaiting - 1) << "an event and one about a gap";
    EXPECT_EQ(log->next_of(kWeb, kRun), number) << "this one is still the worker's";
    for (size_t own = 0; own < EventLog::kMaxOwnWaiting + 10; ++own) {
        log->record(EventId::kVmPaused);
    }
    EXPECT_EQ(log->waiting(), EventLog::kMaxWaiting + EventLog::kMaxOwnWaiting);
    make_room();
    must(log->flush());
    EXPECT_TRUE(take(number));
    must(log->flush());
    std::map<std::string, size_t> counts;
    EventFilter filter;
    filter.limit = EventFilter::kMaxLimit;
    for (filter.since = before + 1; filter.since <= log->last(); filter.since += filter.limit) {
        for (const StoredEvent& event : must(log->query(filter)).events) {
            ++counts[event.name];
        }
    }
    EXPECT_EQ(counts["vm_started"], number);
    EXPECT_EQ(counts["events_dropped"], 1U);
    EXPECT_EQ(counts["vm_paused"], EventLog::kMaxOwnWaiting + 1);
}

TEST_F(EventLogTest, IsBoundedInBytesToo) {
    fill_disk();
    control::Json big = pushed(1);
    big["text"] = std::string(kMaxEventTextBytes, 'x');
    uint64_t number = 1;
    while (log->take({.id = kWeb, .name = "web"}, kRun, big)) {
        big["sequence"] = ++number;
    }
    EXPECT_LT(number, EventLog::kMaxWaitingBytes / kMaxEventTextBytes + 2);
    EXPECT_GT(number, EventLog::kMaxWaitingBytes / kMaxEventTextBytes / 2);
    make_room();
    must(log->flush());
    EXPECT_EQ(log->waiting(), 0U);
}

TEST_F(EventLogTest, TrimsToItsRetentionInSteps) {
    log.reset();
    std::vector<StoredEvent> events(5 * EventLog::kTrimStep);
    must(store->append_events(events, {}));
    retention.count = 100;
    begin();
    ASSERT_TRUE(run_until([&] { return must(store->first_event()) == events.size() - 99; }));
    run_for(3 * EventLog::kTrimPause);
    EXPECT_EQ(kept().size(), 100U);
}

TEST_F(EventLogTest, TrimsByAgeOnceTheClockIsBelieved) {
    std::vector<StoredEvent> events(10);  // of the year 1601
    must(store->append_events(events, {}));
    run_for(5 * EventLog::kTrimPause);
    EXPECT_EQ(kept().size(), 10U) << "the clock has just begun to go";
    retention.clock_probation = Duration::zero();
    begin();
    EXPECT_TRUE(run_until([&] { return must(store->first_event()) == 0; }));
}

/// 10,000 events a second for some seconds; what is asserted is that none is lost, doubled or out
/// of order, not how long it took.
TEST_F(EventLogTest, KeepsUpWithAFloodOfEvents) {
    constexpr uint64_t kEvents = 30'000;
    constexpr uint64_t kBurst = 100;
    uint64_t told = 0;
    log->subscribe([&](const StoredEvent& event) { EXPECT_EQ(event.sequence, ++told); });
    for (uint64_t number = 1; number <= kEvents; ++number) {
        ASSERT_TRUE(take(number));
        if (number % kBurst == 0) {
            loop->run_once(Duration::zero());
        }
    }
    ASSERT_TRUE(run_until([&] { return told == kEvents; }));
    EventFilter filter;
    filter.limit = EventFilter::kMaxLimit;
    uint64_t expected = 0;
    for (filter.since = 1; filter.since <= kEvents; filter.since += filter.limit) {
        for (const StoredEvent& event : must(log->query(filter)).events) {
            ASSERT_EQ(event.fields[0].second, std::to_string(++expected));
        }
    }
    EXPECT_EQ(expected, kEvents);
}

TEST(ClockTrust, DistrustsAgesAfterTheStartAndAfterALeap) {
    ClockTrust trust(std::chrono::hours(1));
    const TimePoint start{std::chrono::hours(5)};
    const WallTime wall{kUnixEpochInTicks + 17'000'000'000'000'000};
    const auto later = [&](std::chrono::minutes time) {
        return WallTime{wall.ticks +
                        static_cast<uint64_t>(std::chrono::duration_cast<Ticks>(time).count())};
    };
    using std::chrono::minutes;
    EXPECT_FALSE(trust.observe(start, wall));
    EXPECT_FALSE(trust.observe(start + minutes(59), later(minutes(59))));
    EXPECT_TRUE(trust.observe(start + minutes(60), later(minutes(60))));
    EXPECT_FALSE(trust.observe(start + minutes(61), later(minutes(600)))) << "ahead";
    EXPECT_TRUE(trust.observe(start + minutes(121), later(minutes(660))));
    EXPECT_FALSE(trust.observe(start + minutes(122), later(minutes(122)))) << "back";
}

}  // namespace
}  // namespace hvis::manager

#include "control/events.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/event_log.h"

namespace hvis::control {
namespace {

using testing::ElementsAre;

Event event_of(EventId id, EventFields fields = {}) {
    Event event;
    event.id = id;
    event.fields = std::move(fields);
    return event;
}

std::vector<uint64_t> numbers_of(const std::vector<Event>& events) {
    std::vector<uint64_t> numbers;
    std::ranges::transform(events, std::back_inserter(numbers), &Event::sequence);
    return numbers;
}

class QuietLog : public testing::Test {
protected:
    QuietLog() { set_log_level(LogLevel::kError); }
    ~QuietLog() override { set_log_level(before_); }

private:
    LogLevel before_ = log_level();
};
using EventLogTest = QuietLog;

TEST(Events, HaveUniqueNamesAndBalancedTemplates) {
    std::set<std::string_view> names;
    for (const EventSpec& spec : event_table()) {
        EXPECT_TRUE(names.insert(spec.name).second) << spec.name;
        EXPECT_EQ(std::ranges::count(spec.text, '{'), std::ranges::count(spec.text, '}'));
        EXPECT_EQ(&spec_of(spec.id), &spec);
        EXPECT_FALSE(spec.meaning.empty());
    }
}

TEST(Events, PutTheirFieldsIntoTheText) {
    const Event event = event_of(EventId::kHeartbeatLost, {{"missed", "2"}});
    EXPECT_EQ(event_text(event),
              "the guest has stopped answering: 2 of the last ? beats were missed");
}

TEST(Events, EscapeWhatTheGuestSaid) {
    const Event event = event_of(EventId::kKvpChanged, {{"key", "a\x1b[2J\n"}, {"pool", "guest"}});
    EXPECT_EQ(event_text(event), "the guest has changed a\\x1b[2J\\x0a in pool guest");
}

TEST(Events, TakeTheServiceFromTheFieldWhereTheTableSaysSo) {
    const Event event = event_of(EventId::kServiceEnabled, {{"service", "kvp"}});
    EXPECT_EQ(event_service(event), "kvp");
    EXPECT_EQ(event_service(event_of(EventId::kVmbusConnected)), "vmbus");
}

TEST(Events, HaveAMessageIdForTheJournalThatNeverChanges) {
    EXPECT_EQ(message_id(3001), "5d1c7a0f94e34b7c8a26f0b9e31d0bb9");
    EXPECT_EQ(message_id(0xffff), "5d1c7a0f94e34b7c8a26f0b9e31dffff");
}

TEST(Events, AreAllOnThePublishedPage) {
    std::ifstream file(HVIS_EVENTS_PAGE);
    const std::string page{std::istreambuf_iterator<char>(file), {}};
    EXPECT_EQ(page, events_page()) << "write it anew: hvis-vm --events-table > docs/events.md";
}

TEST_F(EventLogTest, NumbersEventsAndFindsThemAgain) {
    EventLog events;
    EXPECT_EQ(events.next_sequence(), 1U);
    EXPECT_EQ(events.record(EventId::kVmPaused, {}, {}), 1U);
    EXPECT_EQ(events.record(EventId::kVmResumed, {}, {}), 2U);
    EXPECT_EQ(events.record(EventId::kVmPaused, {}, {}), 3U);
    EXPECT_THAT(numbers_of(events.since(0, 10)), ElementsAre(1, 2, 3));
    EXPECT_THAT(numbers_of(events.since(2, 10)), ElementsAre(2, 3));
    EXPECT_THAT(numbers_of(events.since(2, 1)), ElementsAre(2));
    EXPECT_THAT(numbers_of(events.since(4, 10)), ElementsAre());
    EXPECT_EQ(events.lost_since(0), 0U);
}

TEST_F(EventLogTest, DropsTheOldestAndSaysHowManyAreGone) {
    EventLog events(2);
    for (int count = 0; count < 5; ++count) {
        events.record(EventId::kVmPaused, {}, {});
    }
    EXPECT_THAT(numbers_of(events.since(0, 10)), ElementsAre(4, 5));
    EXPECT_EQ(events.lost_since(0), 3U);
    EXPECT_EQ(events.lost_since(3), 1U);
    EXPECT_EQ(events.lost_since(4), 0U);
    EXPECT_EQ(events.lost_since(99), 0U);
}

TEST_F(EventLogTest, CutsValuesThatAreTooLong) {
    EventLog events;
    events.record(EventId::kKvpChanged, {{"key", std::string(100'000, 'x')}}, {});
    EXPECT_EQ(events.since(1, 1)[0].fields[0].second.size(), EventLog::kMaxFieldBytes);
}

TEST_F(EventLogTest, LetsSubscribersRemoveThemselvesAndOthers) {
    EventLog events;
    int first = 0;
    int second = 0;
    EventLog::SubscriptionId first_id = 0;
    EventLog::SubscriptionId second_id = 0;
    first_id = events.subscribe([&](const Event&) {
        ++first;
        events.unsubscribe(first_id);
        events.unsubscribe(second_id);
    });
    second_id = events.subscribe([&](const Event&) { ++second; });
    events.record(EventId::kVmPaused, {}, {});
    events.record(EventId::kVmPaused, {}, {});
    EXPECT_EQ(first, 1);
    EXPECT_EQ(second, 0);
}

}  // namespace
}  // namespace hvis::control

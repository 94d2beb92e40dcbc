#include "manager/store/event_table.h"

#include <algorithm>
#include <functional>
#include <iterator>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/time_text.h"
#include "manager/store/schema.h"
#include "manager/store/test_file.h"

namespace hvis::manager {
namespace {

using control::Severity;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr Guid kWeb = "11111111-2222-3333-4444-555555555555"_guid;
constexpr Guid kMail = "66666666-2222-3333-4444-555555555555"_guid;

WallTime at(int second) {
    return {control::parse_time("2026-03-01T12:00:00Z")->ticks +
            static_cast<uint64_t>(second) * 10'000'000};
}

StoredEvent event_of(int second, std::optional<Guid> vm, uint16_t id, Severity severity) {
    return {.sequence = 0,
            .time = at(second),
            .vm = vm,
            .vm_name = vm ? "web" : "",
            .id = id,
            .name = "name",
            .severity = severity,
            .service = id < 3000 ? "machine" : "heartbeat",
            .text = "it's \"so\"",
            .fields = {{"z", "1"}, {"a", "\xf0\x9f\x90\xa7"}}};
}

std::vector<uint64_t> numbers_of(const std::vector<StoredEvent>& events) {
    std::vector<uint64_t> numbers;
    std::ranges::transform(events, std::back_inserter(numbers), &StoredEvent::sequence);
    return numbers;
}

class EventTableTest : public testing::Test {
protected:
    EventTableTest() {
        must(migrate(*database, schema_steps()));
        std::vector<StoredEvent> events = {event_of(0, std::nullopt, 7001, Severity::kInfo),
                                           event_of(1, kWeb, 1001, Severity::kInfo),
                                           event_of(2, kMail, 1001, Severity::kInfo),
                                           event_of(3, kWeb, 3001, Severity::kError),
                                           event_of(4, kWeb, 1007, Severity::kCritical)};
        must(table.append(events));
        EXPECT_THAT(numbers_of(events), ElementsAre(1, 2, 3, 4, 5));
    }
    std::vector<StoredEvent> query(const std::function<void(EventFilter&)>& set) {
        EventFilter filter;
        set(filter);
        return must(table.query(filter)).events;
    }
    std::vector<uint64_t> found(const std::function<void(EventFilter&)>& set) {
        return numbers_of(query(set));
    }

    TestFolder folder;
    std::unique_ptr<Database> database = must(Database::open(folder.file()));
    EventTable table{*database};
};

TEST_F(EventTableTest, BringsBackWhatWasPutIn) {
    const auto events = query([](auto& filter) {
        filter.since = 4;
        filter.limit = 1;
    });
    ASSERT_EQ(events.size(), 1U);
    const StoredEvent expected = event_of(3, kWeb, 3001, Severity::kError);
    EXPECT_EQ(events[0].sequence, 4U);
    EXPECT_EQ(events[0].time, expected.time);
    EXPECT_EQ(events[0].vm, kWeb);
    EXPECT_EQ(events[0].vm_name, "web");
    EXPECT_EQ(events[0].id, 3001);
    EXPECT_EQ(events[0].severity, Severity::kError);
    EXPECT_EQ(events[0].service, "heartbeat");
    EXPECT_EQ(events[0].text, expected.text);
    EXPECT_EQ(events[0].fields, expected.fields) << "in their order";
    EXPECT_EQ(query([](auto& filter) { filter.limit = 1; })[0].vm, std::nullopt);
}

TEST_F(EventTableTest, FindsWhatTheFilterMatches) {
    EXPECT_THAT(found([](auto&) {}), ElementsAre(1, 2, 3, 4, 5));
    EXPECT_THAT(found([](auto& filter) { filter.vm = kWeb; }), ElementsAre(2, 4, 5));
    EXPECT_THAT(found([](auto& filter) { filter.since = 4; }), ElementsAre(4, 5));
    EXPECT_THAT(found([](auto& filter) { filter.since = UINT64_MAX; }), IsEmpty());
    EXPECT_THAT(found([](auto& filter) { filter.before = 3; }), ElementsAre(1, 2));
    EXPECT_THAT(found([](auto& filter) { filter.before = UINT64_MAX; }),
                ElementsAre(1, 2, 3, 4, 5));
    EXPECT_THAT(found([](auto& filter) { filter.from = at(3); }), ElementsAre(4, 5));
    EXPECT_THAT(found([](auto& filter) { filter.until = at(1); }), ElementsAre(1, 2));
    EXPECT_THAT(found([](auto& filter) { filter.at_least = Severity::kWarning; }),
                ElementsAre(4, 5));
    EXPECT_THAT(found([](auto& filter) { filter.at_least = Severity::kCritical; }), ElementsAre(5));
    EXPECT_THAT(found([](auto& filter) { filter.service = "heartbeat"; }), ElementsAre(1, 4));
    EXPECT_THAT(found([](auto& filter) { filter.service = "' OR 1=1 --"; }), IsEmpty());
    EXPECT_THAT(found([](auto& filter) { filter.ids = {1001, 3001}; }), ElementsAre(2, 3, 4));
    EXPECT_THAT(found([](auto& filter) { filter.limit = 2; }), ElementsAre(1, 2));
    const auto newest = [](auto& filter) {
        filter.limit = 2;
        filter.newest = true;
    };
    EXPECT_THAT(found(newest), ElementsAre(4, 5));
    EXPECT_THAT(found([&](auto& filter) {
                    newest(filter);
                    filter.before = 4;
                }),
                ElementsAre(2, 3));
}

TEST_F(EventTableTest, FindsWhatTheFilterItselfMatches) {
    EventFilter filter;
    filter.vm = kWeb;
    filter.from = at(2);
    filter.at_least = Severity::kError;
    const auto chosen = numbers_of(must(table.query(filter)).events);
    EXPECT_THAT(chosen, ElementsAre(4, 5));
    for (const StoredEvent& event : must(table.query({})).events) {
        EXPECT_EQ(std::ranges::find(chosen, event.sequence) != chosen.end(), filter.matches(event));
    }
}

TEST_F(EventTableTest, SaysWhereToGoOn) {
    EventFilter filter;
    EXPECT_EQ(must(table.query(filter)).next, std::nullopt);
    filter.limit = 2;
    std::vector<uint64_t> numbers;
    for (std::optional<uint64_t> next = 0; next;) {
        filter.since = *next;
        const EventPage page = must(table.query(filter));
        std::ranges::copy(numbers_of(page.events), std::back_inserter(numbers));
        next = page.next;
    }
    EXPECT_THAT(numbers, ElementsAre(1, 2, 3, 4, 5));
    filter = {};
    filter.limit = 2;
    filter.newest = true;
    const EventPage last = must(table.query(filter));
    EXPECT_THAT(numbers_of(last.events), ElementsAre(4, 5));
    filter.before = last.next;
    EXPECT_THAT(numbers_of(must(table.query(filter)).events), ElementsAre(2, 3));
}

/// A log of which nearly all is of no interest.
class LongEventTableTest : public EventTableTest {
protected:
    static constexpr uint64_t kCount = EventFilter::kMaxExamined + 100;

    LongEventTableTest() {
        must(database->execute(
            "WITH RECURSIVE n (i) AS (SELECT 6 UNION ALL SELECT i + 1 FROM n WHERE i < " +
            std::to_string(kCount) +
            ") INSERT INTO event (time, vm, vm_name, id, name, severity, service, text, fields) "
            "SELECT 0, '" +
            kWeb.to_string() + "', 'web', 1001, 'name', 1, 'machine', '', '[]' FROM n"));
    }
    /// All pages' events, and how many pages it took.
    std::pair<std::vector<uint64_t>, int> all(EventFilter filter) {
        std::vector<uint64_t> numbers;
        for (int pages = 1;; ++pages) {
            const EventPage page = must(table.query(filter));
            std::ranges::copy(numbers_of(page.events), std::back_inserter(numbers));
            if (!page.next) {
                return {numbers, pages};
            }
            if (filter.newest) {
                filter.before = page.next;
            } else {
                filter.since = *page.next;
            }
        }
    }
};

TEST_F(LongEventTableTest, ExaminesOnlySoManyEventsAtOnce) {
    const std::vector<std::pair<const char*, std::function<void(EventFilter&)>>> filters = {
        {"service", [](auto& filter) { filter.service = "heartbeat"; }},
        {"ids", [](auto& filter) { filter.ids = {7001, 3001}; }},
        {"from", [](auto& filter) { filter.from = at(0); }},
        {"vm",
         [](auto& filter) {
             filter.vm = kWeb;
             filter.from = at(0);
         }},
        {"severity", [](auto& filter) { filter.at_least = Severity::kError; }},
    };
    for (const auto& [name, set] : filters) {
        EventFilter forward;
        set(forward);
        EventFilter backward = forward;
        backward.newest = true;
        const auto [numbers, pages] = all(forward);
        EXPECT_EQ(pages, 2) << name;
        EXPECT_FALSE(numbers.empty()) << name;
        EXPECT_THAT(all(backward), testing::Pair(numbers, 2)) << name;
        for (const uint64_t number : numbers) {
            EXPECT_LE(number, 5U) << name;
        }
    }
    EventFilter plain;
    plain.vm = kWeb;
    plain.limit = EventFilter::kMaxLimit;
    EXPECT_EQ(all(plain).first.size(), kCount - 2) << "the index has nothing else";
}

TEST_F(EventTableTest, TrimsTheOldestInStepsAndNeverUsesANumberTwice) {
    EXPECT_EQ(must(table.trim(5, at(0), 100)), 0U);
    EXPECT_EQ(must(table.trim(2, at(0), 1)), 1U) << "one step";
    EXPECT_EQ(must(table.first()), 2U);
    EXPECT_EQ(must(table.trim(5, at(3), 100)), 2U) << "by age";
    EXPECT_THAT(found([](auto&) {}), ElementsAre(4, 5));
    EXPECT_EQ(must(table.trim(0, at(0), 100)), 2U);
    EXPECT_EQ(must(table.first()), 0U);
    EXPECT_EQ(must(table.last()), 5U);
    std::vector<StoredEvent> more = {event_of(9, kWeb, 1001, Severity::kInfo)};
    must(table.append(more));
    EXPECT_EQ(more[0].sequence, 6U);
}

TEST_F(EventTableTest, CountsEventsAndNotTheNumbersThatWereLeftOut) {
    must(table.go_on_behind(10'000));
    std::vector<StoredEvent> more = {event_of(9, kWeb, 1001, Severity::kInfo)};
    must(table.append(more));
    EXPECT_EQ(must(table.count()), 6U);
    EXPECT_EQ(must(table.trim(6, at(0), 100)), 0U);
    EXPECT_EQ(must(table.trim(4, at(0), 100)), 2U);
    EXPECT_THAT(found([](auto&) {}), ElementsAre(3, 4, 5, 10'001));
    EXPECT_EQ(must(table.count()), 4U);
    EventTable reopened(*database);
    EXPECT_EQ(must(reopened.count()), 4U);
}

TEST_F(EventTableTest, CountsNothingThatWasTakenBack) {
    EXPECT_EQ(must(table.count()), 5U);
    const auto failed = database->transaction([&]() -> Result<void, Failure> {
        std::vector<StoredEvent> more(3, event_of(9, kWeb, 1001, Severity::kInfo));
        HVIS_CHECK(table.append(more));
        return std::unexpected(control::make_failure(control::ErrorCode::kFailed, "so it is"));
    });
    EXPECT_FALSE(failed);
    EXPECT_EQ(must(table.count()), 5U);
    std::vector<StoredEvent> more = {event_of(9, kWeb, 1001, Severity::kInfo)};
    must(table.append(more));
    EXPECT_EQ(must(table.count()), 6U);
}

}  // namespace
}  // namespace hvis::manager

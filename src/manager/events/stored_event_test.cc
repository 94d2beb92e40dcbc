#include "manager/events/stored_event.h"

#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "control/results.h"
#include "control/time_text.h"

namespace hvis::manager {
namespace {

using control::Json;
using control::Severity;
using testing::ElementsAre;
using testing::Pair;

constexpr Guid kVm = "5c0a3f5e-8f43-4f6c-9d36-0a1b2c3d4e5f"_guid;

StoredEvent heartbeat_lost() {
    return {.sequence = 7,
            .time = *control::parse_time("2026-03-01T12:00:00.250Z"),
            .vm = kVm,
            .vm_name = "web",
            .id = 3001,
            .name = "heartbeat_lost",
            .severity = Severity::kError,
            .service = "heartbeat",
            .text = "the guest has stopped answering",
            .fields = {{"missed", "2"}, {"window", "3"}}};
}

TEST(StoredEvent, IsPublishedWithItsVm) {
    EXPECT_EQ(control::dump_json(to_json(heartbeat_lost())),
              R"({"fields":{"missed":"2","window":"3"},"id":3001,"name":"heartbeat_lost",)"
              R"("sequence":7,"service":"heartbeat","severity":"error",)"
              R"("text":"the guest has stopped answering","time":"2026-03-01T12:00:00.250Z",)"
              R"("vm":"5c0a3f5e-8f43-4f6c-9d36-0a1b2c3d4e5f","vm_name":"web"})");
    StoredEvent own = heartbeat_lost();
    own.vm = std::nullopt;
    EXPECT_FALSE(to_json(own).contains("vm"));
}

TEST(StoredEvent, TakesWhatAWorkerSends) {
    control::Event event{.sequence = 41,
                         .time = heartbeat_lost().time,
                         .id = control::EventId::kHeartbeatLost,
                         .fields = {{"missed", "2"}, {"window", "3"}}};
    const auto read = workers_event_from_json(control::to_json(event));
    ASSERT_TRUE(read);
    EXPECT_EQ(read->sequence, 41U);
    EXPECT_EQ(read->event.id, 3001);
    EXPECT_EQ(read->event.name, "heartbeat_lost");
    EXPECT_EQ(read->event.severity, Severity::kError);
    EXPECT_EQ(read->event.service, "heartbeat");
    EXPECT_EQ(read->event.time, event.time);
    EXPECT_EQ(read->event.text, control::event_text(event));
    EXPECT_THAT(read->event.fields, ElementsAre(Pair("missed", "2"), Pair("window", "3")));
}

TEST(StoredEvent, NeedsOnlyTheNumber) {
    EXPECT_FALSE(workers_event_from_json(Json::object()));
    EXPECT_FALSE(workers_event_from_json(Json::array()));
    EXPECT_FALSE(workers_event_from_json({{"sequence", 0}}));
    EXPECT_FALSE(workers_event_from_json({{"sequence", -1}}));
    EXPECT_FALSE(workers_event_from_json({{"sequence", uint64_t{1} << 53U}}));
    const auto read = workers_event_from_json(
        {{"sequence", 1}, {"id", 70000}, {"severity", "loud"}, {"time", 1}, {"fields", 2}});
    ASSERT_TRUE(read);
    EXPECT_EQ(read->event.id, 0);
    EXPECT_EQ(read->event.severity, Severity::kWarning);
    EXPECT_GT(read->event.time.ticks, heartbeat_lost().time.ticks - 1);
}

TEST(StoredEvent, CutsAndEscapesWhatAWorkerShouldNotSend) {
    Json fields = Json::object();
    for (size_t number = 0; number < kMaxEventFields + 5; ++number) {
        fields["field" + std::to_string(number)] = std::string(kMaxEventFieldBytes + 1, 'x');
    }
    Json event = {{"sequence", 1}, {"text", "\x1b[2J"}, {"fields", fields}};
    auto read = workers_event_from_json(event);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->event.text, "\\x1b[2J");
    EXPECT_EQ(read->event.fields.size(), kMaxEventFields);
    EXPECT_EQ(read->event.fields[0].second.size(), kMaxEventFieldBytes);
    std::string text = "x";
    while (text.size() <= kMaxEventTextBytes) {
        text += "ü";
    }
    event["text"] = text;
    read = workers_event_from_json(event);
    EXPECT_EQ(read->event.text.size(), kMaxEventTextBytes - 1) << "cut between two characters";
}

bool matches(const StoredEvent& event, const std::function<void(EventFilter&)>& set) {
    EventFilter filter;
    set(filter);
    return filter.matches(event);
}

TEST(EventFilter, TakesAllWhenEmptyAndEachConditionAlone) {
    const StoredEvent event = heartbeat_lost();
    const uint64_t ticks = event.time.ticks;
    EXPECT_TRUE(EventFilter().matches(event));
    EXPECT_TRUE(matches(event, [](auto& filter) { filter.vm = kVm; }));
    EXPECT_FALSE(matches(event, [](auto& filter) { filter.vm = Guid{}; }));
    EXPECT_TRUE(matches(event, [&](auto& filter) { filter.from = filter.until = event.time; }));
    EXPECT_FALSE(matches(event, [&](auto& filter) { filter.from = WallTime{ticks + 1}; }));
    EXPECT_FALSE(matches(event, [&](auto& filter) { filter.until = WallTime{ticks - 1}; }));
    EXPECT_TRUE(matches(event, [](auto& filter) { filter.at_least = Severity::kError; }));
    EXPECT_FALSE(matches(event, [](auto& filter) { filter.at_least = Severity::kCritical; }));
    EXPECT_TRUE(matches(event, [](auto& filter) { filter.service = "heartbeat"; }));
    EXPECT_FALSE(matches(event, [](auto& filter) { filter.service = "kvp"; }));
    EXPECT_TRUE(matches(event, [](auto& filter) { filter.ids = {1001, 3001}; }));
    EXPECT_FALSE(matches(event, [](auto& filter) { filter.ids = {1001}; }));
}

}  // namespace
}  // namespace hvis::manager

#include "cli/event_table.h"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "control/commands.h"
#include "control/events.h"

namespace hvis::cli {
namespace {

TEST(EventTable, KnowsEveryServiceThatAnEventMayBeAbout) {
    std::set<std::string_view> services(control::kServiceWords.begin(),
                                        control::kServiceWords.end());
    for (const control::EventSpec& spec : control::event_table()) {
        if (spec.service != "*") {
            services.insert(spec.service);
        }
    }
    EXPECT_THAT(kEventServices, testing::UnorderedElementsAreArray(services));
}

TEST(EventTable, TakesAnEventByNumberOrName) {
    EXPECT_EQ(event_number("heartbeat_lost"), "3001");
    EXPECT_EQ(event_number("3001"), "3001");
    EXPECT_EQ(event_number("9999"), "9999") << "of a newer hvisd";
    EXPECT_EQ(event_number("heartbeat"), std::nullopt);
    EXPECT_EQ(event_number("123456"), std::nullopt);
    EXPECT_EQ(event_number(""), std::nullopt);
}

TEST(EventTable, AlignsColumnsUnderAHeading) {
    const Json event = {{"sequence", 41},      {"time", "2026-03-01T12:00:00.000Z"},
                        {"severity", "error"}, {"service", "manager"},
                        {"id", 7101},          {"name", "store_failed"},
                        {"text", "full \x1b!"}};
    EXPECT_EQ(events_text({{"events", Json::array({event})}}),
              "NUMBER  TIME                      SEVERITY  VM  SERVICE  EVENT              TEXT\n"
              "41      2026-03-01T12:00:00.000Z  error     -   manager  7101 store_failed  full "
              "\\x1b!\n");
    EXPECT_EQ(events_heading().find("TEXT"), event_line(event).find("full"));
}

}  // namespace
}  // namespace hvis::cli

#include "cli/verbs/event_start.h"

#include <gtest/gtest.h>

#include "control/time_text.h"

namespace hvis::cli {
namespace {

const WallTime kNow = *control::parse_time("2026-03-02T00:00:00Z");

std::optional<EventStart> start_of(const std::string& text) {
    return parse_event_start(text, kNow);
}

TEST(EventStart, IsANumber) { EXPECT_EQ(start_of("41"), (EventStart{.number = "41", .from = {}})); }

TEST(EventStart, IsASpanBeforeNow) {
    EXPECT_EQ(start_of("10m")->from, "2026-03-01T23:50:00.000Z");
    EXPECT_EQ(start_of("106751991167d")->from, "1970-01-01T00:00:00.000Z");
}

TEST(EventStart, IsAMomentOfWhichMuchMayBeLeftOut) {
    EXPECT_EQ(start_of("2026-03-01")->from, "2026-03-01T00:00:00Z");
    EXPECT_EQ(start_of("2026-03-01T12:34")->from, "2026-03-01T12:34:00Z");
    EXPECT_EQ(start_of("2026-03-01T12:34Z")->from, "2026-03-01T12:34:00Z");
    EXPECT_EQ(start_of("2026-03-01T12:34-02:00")->from, "2026-03-01T12:34:00-02:00");
    EXPECT_EQ(start_of("2026-03-01T12:34:56")->from, "2026-03-01T12:34:56Z");
    EXPECT_EQ(start_of("2026-03-01 12:34:56.5")->from, "2026-03-01 12:34:56.5Z");
    EXPECT_EQ(start_of("2026-03-01T12:34:56+02:00")->from, "2026-03-01T12:34:56+02:00");
}

TEST(EventStart, IsNothingElse) {
    for (const char* bad : {"", "yesterday", "-1", "5x", "2026-03", "2026-02-30", "2026-13-01",
                            "2026-03-01T", "2026-03-01T25:00", "2026-03-01T12", "2026-03-01Z",
                            "2026-03-01T12:34:", "2026-03-01T12:34:56,5"}) {
        EXPECT_EQ(start_of(bad), std::nullopt) << bad;
    }
}

}  // namespace
}  // namespace hvis::cli

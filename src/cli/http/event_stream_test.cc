#include "cli/http/event_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hvis::cli {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const std::string kStream =
    ": hello\n\nid: 7\nevent: event\ndata: {\"a\":\ndata: 1}\n\nretry: 5\ndata:x\r\n\r\n";
const ServerEvent kFirst{.type = "event", .id = "7", .data = "{\"a\":\n1}"};
const ServerEvent kSecond{.type = "message", .id = "7", .data = "x"};

TEST(EventStream, ReadsEventsWhereverTheBytesAreCut) {
    for (size_t cut = 0; cut <= kStream.size(); ++cut) {
        EventStreamParser parser;
        auto events = parser.feed(kStream.substr(0, cut));
        const auto more = parser.feed(kStream.substr(cut));
        events.insert(events.end(), more.begin(), more.end());
        EXPECT_THAT(events, ElementsAre(kFirst, kSecond)) << cut;
    }
}

TEST(EventStream, SaysNothingOfEventsWithoutDataOrWithoutEnd) {
    EXPECT_THAT(EventStreamParser().feed("event: x\n\n"), IsEmpty());
    EXPECT_THAT(EventStreamParser().feed("data: x\n"), IsEmpty());
}

TEST(EventStream, DropsAnEventThatIsTooLong) {
    EventStreamParser parser;
    const std::string piece(EventStreamParser::kMaxEventBytes / 2, 'x');
    EXPECT_THAT(parser.feed("data: " + piece + "\ndata: " + piece + "\ndata: " + piece + "\n\n"),
                IsEmpty());
    EXPECT_THAT(parser.feed("data: " + piece + piece + piece + "\n\ndata: next\n\n"),
                ElementsAre(ServerEvent{.type = "message", .id = "", .data = "next"}));
}

}  // namespace
}  // namespace hvis::cli

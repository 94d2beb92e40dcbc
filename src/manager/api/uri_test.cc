#include "manager/api/uri.h"

#include <gmock/gmock.h>

namespace hvis::manager {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

TEST(Target, KeepsAnEncodedSlashInsideItsSegment) {
    const auto target = parse_target("/api/v1/vms/web/kvp/external/a%2Fb%20%C3%A9+c");
    ASSERT_TRUE(target);
    EXPECT_THAT(target->segments,
                ElementsAre("api", "v1", "vms", "web", "kvp", "external", "a/b é+c"));
}

TEST(Target, TakesTheQueryApart) {
    const auto target = parse_target("/events?vm=a%26b&since=3&severity=&q=a+b&flag");
    ASSERT_TRUE(target);
    EXPECT_THAT(target->query,
                ElementsAre(Pair("vm", "a&b"), Pair("since", "3"), Pair("severity", ""),
                            Pair("q", "a b"), Pair("flag", "")));
}

TEST(Target, SeesATrailingSlashAsAnEmptySegment) {
    EXPECT_THAT(parse_target("/vms/")->segments, ElementsAre("vms", ""));
    EXPECT_THAT(parse_target("/vms//a")->segments, ElementsAre("vms", "", "a"));
    EXPECT_TRUE(parse_target("/")->segments.empty());
}

TEST(Target, RefusesBrokenEscapesNulAndWhatIsNotUtf8) {
    for (const char* target : {"/%", "/%4", "/%zz", "/a%00b", "/%ff", "/%c3", "/x?a=%", "/x?%00=1",
                               "*", "", "http://host/x", "/%ed%a0%80"}) {
        EXPECT_FALSE(parse_target(target)) << target;
    }
}

TEST(Target, StopsAtItsLimits) {
    std::string path;
    for (size_t count = 0; count < Target::kMaxSegments; ++count) {
        path += "/a";
    }
    EXPECT_TRUE(parse_target(path));
    EXPECT_FALSE(parse_target(path + "/a"));
    EXPECT_FALSE(parse_target(path + "/"));
    std::string query = "/x?";
    for (size_t count = 0; count < Target::kMaxParameters; ++count) {
        query += "a=1&";
    }
    EXPECT_TRUE(parse_target(query));
    EXPECT_FALSE(parse_target(query + "a=1"));
}

TEST(PercentEncode, ComesBackAsItWas) {
    const std::string key = "a/b?c#d%e f&g=h\"é~";
    const auto target = parse_target("/" + percent_encode(key));
    ASSERT_TRUE(target);
    EXPECT_THAT(target->segments, ElementsAre(key));
    EXPECT_EQ(percent_encode("a/b"), "a%2Fb");
}

}  // namespace
}  // namespace hvis::manager

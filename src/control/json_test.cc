#include "control/json.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace hvis::control {
namespace {

constexpr size_t kLarge = 1'000'000;

std::string complaint_about(std::string_view text) {
    const auto parsed = parse_json(text, kLarge);
    return parsed ? "accepted" : parsed.error().to_string();
}

TEST(Json, ReadsEveryKindOfValue) {
    const auto parsed = parse_json(R"({"a":[1,-2,1.5,true,null,"x"],"b":{}})", kLarge);
    ASSERT_TRUE(parsed);
    EXPECT_EQ(dump_json(**parsed), R"({"a":[1,-2,1.5,true,null,"x"],"b":{}})");
}

TEST(Json, RefusesEveryPrefixOfADocument) {
    const std::string text = R"({"a":[1,{"b":"\u00e4"}],"c":true})";
    for (size_t length = 0; length < text.size(); ++length) {
        EXPECT_FALSE(parse_json(text.substr(0, length), kLarge)) << length;
    }
    EXPECT_TRUE(parse_json(text, kLarge));
}

TEST(Json, NamesLineAndColumnOfBadSyntax) {
    EXPECT_EQ(complaint_about("{\n  \"a\": 1,\n  oops\n}"), "line 3, column 3: not valid JSON");
    EXPECT_EQ(complaint_about("{} {}"), "line 1, column 4: not valid JSON");
    EXPECT_EQ(complaint_about("{\"a\":\"\xff\"}"), "line 1, column 7: not valid JSON");
}

TEST(Json, RefusesNestingBeyondTheLimit) {
    const std::string deepest =
        std::string(kMaxJsonDepth, '[') + "1" + std::string(kMaxJsonDepth, ']');
    EXPECT_TRUE(parse_json(deepest, kLarge));
    EXPECT_FALSE(parse_json("[" + deepest + "]", kLarge));
    EXPECT_FALSE(parse_json(std::string(200'000, '['), kLarge));
    EXPECT_FALSE(parse_json(std::string(200'000, '{'), kLarge));
}

TEST(Json, RefusesAKeyThatIsGivenTwiceAndPointsAtIt) {
    EXPECT_EQ(complaint_about(R"({"a":{"b":1,"b":2}})"), "/a/b: given twice");
    EXPECT_EQ(complaint_about(R"({"l":[{"x":1},{"a/b~":1,"a/b~":2}]})"),
              "/l/1/a~1b~0: given twice");
}

TEST(Json, RefusesTextBeyondTheLimit) {
    const auto parsed = parse_json("[1,2]", 4);
    ASSERT_FALSE(parsed);
    EXPECT_EQ(parsed.error().to_string(), "longer than 4 bytes");
}

TEST(Json, WritesReplacementCharactersForBytesThatAreNotUtf8) {
    EXPECT_EQ(dump_json(Json("a\xff")), "\"a\xef\xbf\xbd\"");
}

}  // namespace
}  // namespace hvis::control

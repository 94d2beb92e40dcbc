#include "control/field_reader.h"

#include <array>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace hvis::control {
namespace {

using namespace std::string_view_literals;

std::string complaint_of(FieldReader& reader) {
    const auto finished = reader.finish();
    return finished ? "nothing" : finished.error().to_string();
}

TEST(FieldReader, TakesFieldsOfEveryKind) {
    const Json object = {{"b", true},           {"i", 7},     {"t", "x"}, {"c", "two"},
                         {"o", Json::object()}, {"l", {1, 2}}};
    FieldReader reader(object);
    EXPECT_EQ(reader.boolean("b"), true);
    EXPECT_EQ(reader.integer("i", {.lowest = 1, .highest = 7}), 7);
    EXPECT_EQ(reader.text("t", 1), "x");
    EXPECT_EQ(reader.choice("c", std::array{"one"sv, "two"sv}), 1U);
    EXPECT_NE(reader.object("o"), nullptr);
    EXPECT_NE(reader.list("l", 2), nullptr);
    EXPECT_EQ(reader.text("absent", 1), std::nullopt);
    EXPECT_EQ(complaint_of(reader), "nothing");
}

TEST(FieldReader, SaysWhichIntegersAreAllowed) {
    for (const Json& bad : {Json(0), Json(65), Json(1.5), Json("1"), Json(nullptr),
                            Json(UINT64_MAX), Json(INT64_MIN)}) {
        const Json object = {{"vcpus", bad}};
        FieldReader reader(object);
        EXPECT_EQ(reader.integer("vcpus", {.lowest = 1, .highest = 64}), std::nullopt);
        EXPECT_EQ(complaint_of(reader), "/vcpus: expected integer 1..64");
    }
}

TEST(FieldReader, SaysWhichWordsAreAllowed) {
    const Json object = {{"c", "three"}};
    FieldReader reader(object, "/outer");
    EXPECT_EQ(reader.choice("c", std::array{"one"sv, "two"sv}), std::nullopt);
    EXPECT_EQ(complaint_of(reader), "/outer/c: expected one of one, two");
}

TEST(FieldReader, RefusesTextThatIsTooLongOrHasANul) {
    const Json object = {{"t", "long"}, {"n", std::string("a\0b", 3)}};
    FieldReader longer(object);
    EXPECT_EQ(longer.text("t", 3), std::nullopt);
    EXPECT_EQ(complaint_of(longer), "/t: longer than 3 bytes");
    FieldReader nul(object);
    EXPECT_EQ(nul.text("n", 9), std::nullopt);
    EXPECT_EQ(complaint_of(nul), "/n: contains a NUL character");
}

TEST(FieldReader, ComplainsAboutFieldsThatNobodyAskedFor) {
    const Json object = {{"known", 1}, {"misspelt", 2}};
    FieldReader reader(object);
    (void)reader.integer("known", {.lowest = 0, .highest = 9});
    EXPECT_EQ(complaint_of(reader), "/misspelt: unknown field; known are known");
}

TEST(FieldReader, RemembersTheFirstComplaintOnly) {
    const Json object = {{"a", 1}, {"b", 2}};
    FieldReader reader(object);
    (void)reader.boolean("a");
    (void)reader.boolean("b");
    reader.require("c");
    EXPECT_EQ(complaint_of(reader), "/a: expected true or false");
}

TEST(FieldReader, SaysThatARequiredFieldIsMissing) {
    const Json object = Json::object();
    FieldReader reader(object);
    reader.require("kernel");
    EXPECT_EQ(complaint_of(reader), "/kernel: required, but missing");
}

TEST(FieldReader, RefusesWhatIsNotAnObject) {
    const Json list = Json::array();
    FieldReader reader(list, "/serial");
    EXPECT_EQ(reader.boolean("a"), std::nullopt);
    EXPECT_EQ(complaint_of(reader), "/serial: expected object");
}

}  // namespace
}  // namespace hvis::control

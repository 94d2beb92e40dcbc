#include "manager/store/schema.h"

#include <array>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "manager/store/store.h"
#include "manager/store/test_file.h"

namespace hvis::manager {
namespace {

using testing::HasSubstr;

/// Every table and index, as SQLite keeps it.
std::string schema_of(Database& database) {
    auto rows = must(database.prepare(
        "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY type, name"));
    std::string text;
    while (must(rows.step())) {
        text += rows.text(0) + ";\n";
    }
    return text;
}

TEST(Schema, IsTheSameFromEachOlderVersionOn) {
    const TestFolder folder;
    const auto steps = schema_steps();
    const auto fresh = must(Database::open(folder.file()));
    must(migrate(*fresh, steps));
    for (size_t version = 0; version < steps.size(); ++version) {
        const auto older = must(Database::open(folder.file("v" + std::to_string(version))));
        must(migrate(*older, steps.first(version)));
        must(migrate(*older, steps));
        EXPECT_EQ(schema_of(*older), schema_of(*fresh)) << "from version " << version;
        EXPECT_EQ(must(older->number("PRAGMA user_version")), std::ssize(steps));
    }
}

TEST(Schema, KeepsTheRowsOfOlderVersions) {
    const TestFolder folder;
    constexpr std::array<std::string_view, 2> kSteps = {
        "CREATE TABLE word (text TEXT) STRICT",
        "ALTER TABLE word ADD COLUMN length INTEGER; UPDATE word SET length = length(text)"};
    const auto database = must(Database::open(folder.file()));
    must(migrate(*database, std::span(kSteps).first(1)));
    must(database->execute("INSERT INTO word VALUES ('three')"));
    must(migrate(*database, kSteps));
    EXPECT_EQ(must(database->number("SELECT length FROM word")), 5);
    must(migrate(*database, kSteps));
    EXPECT_EQ(must(database->number("SELECT count(*) FROM word")), 1);
}

TEST(Schema, StaysAtTheLastWholeStepWhenOneFails) {
    const TestFolder folder;
    constexpr std::array<std::string_view, 2> kSteps = {
        "CREATE TABLE word (text TEXT) STRICT", "CREATE TABLE other (text TEXT) STRICT; nonsense"};
    const auto database = must(Database::open(folder.file()));
    EXPECT_FALSE(migrate(*database, kSteps));
    EXPECT_EQ(must(database->number("PRAGMA user_version")), 1);
    EXPECT_EQ(must(database->number("SELECT count(*) FROM sqlite_schema")), 1);
}

TEST(Schema, OfANewerHvisdIsRefusedAndNotChanged) {
    const TestFolder folder;
    {
        const auto store = must(Store::open(folder.file()));
    }
    const auto newer = static_cast<int64_t>(schema_steps().size()) + 1;
    must(must(Database::open(folder.file()))
             ->execute("PRAGMA user_version = " + std::to_string(newer)));
    const auto refused = Store::open(folder.file());
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message,
                HasSubstr("is of version " + std::to_string(newer) + ", this hvisd knows up to"));
    EXPECT_THAT(refused.error().hint, HasSubstr("nothing was changed"));
    EXPECT_EQ(must(must(Database::open(folder.file()))->number("PRAGMA user_version")), newer);
}

}  // namespace
}  // namespace hvis::manager

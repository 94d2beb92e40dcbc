#include "manager/store/database.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "manager/store/test_file.h"

namespace hvis::manager {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

Result<void, Failure> make_table(Database& database) {
    return database.execute("CREATE TABLE word (text TEXT) STRICT");
}

std::unique_ptr<Database> open_at(const std::string& path) {
    return must(Database::open(path, make_table));
}

/// Why the file is not opened.
Failure refusal(const std::string& path) {
    const auto database = Database::open(path, make_table);
    EXPECT_FALSE(database) << "opened " << path;
    return database ? Failure{} : database.error();
}

/// Whatever happens to a database, its bytes stay for whoever can mend it.
void expect_refused_untouched(const std::string& path, const std::string& finding) {
    const std::string before = read_file(path);
    const Failure failure = refusal(path);
    EXPECT_THAT(failure.message, HasSubstr(finding));
    EXPECT_THAT(failure.hint, HasSubstr("hvisd --restore"));
    EXPECT_EQ(read_file(path), before);
}

TEST(Database, IsMadePrivateAndWholeAtOnce) {
    const TestFolder folder;
    const auto failed = Database::open(folder.file(), [](Database&) -> Result<void, Failure> {
        return std::unexpected(control::make_failure(control::ErrorCode::kFailed, "half-way"));
    });
    EXPECT_FALSE(failed);
    EXPECT_FALSE(std::filesystem::exists(folder.file())) << "no half database under its name";
    const auto database = open_at(folder.file());
    struct stat about{};
    ASSERT_EQ(::stat(folder.file().c_str(), &about), 0);
    EXPECT_EQ(about.st_mode & 0777U, 0600U);
    EXPECT_EQ(must(database->number("PRAGMA foreign_keys")), 1);
    EXPECT_EQ(must(database->number("PRAGMA application_id")), Database::kApplicationId);
    auto mode = must(database->prepare("PRAGMA journal_mode"));
    ASSERT_TRUE(must(mode.step()));
    EXPECT_EQ(mode.text(0), "wal");
}

TEST(Database, KeepsWhatWasCommittedAndNothingElse) {
    const TestFolder folder;
    {
        const auto database = open_at(folder.file());
        must(database->transaction(
            [&] { return database->execute("INSERT INTO word VALUES ('a')"); }, Durability::kHost));
        const auto failed = database->transaction([&]() -> Result<void, Failure> {
            HVIS_CHECK(database->execute("INSERT INTO word VALUES ('b')"));
            return database->execute("INSERT INTO no_such VALUES (1)");
        });
        ASSERT_FALSE(failed);
        EXPECT_THAT(failed.error().message, HasSubstr("no such table: no_such"));
        EXPECT_EQ(must(database->number("PRAGMA synchronous")), 1) << "NORMAL again";
    }
    const auto database = open_at(folder.file());
    EXPECT_EQ(must(database->number("SELECT count(*) FROM word")), 1);
}

TEST(Database, BindsEveryKindOfValue) {
    const TestFolder folder;
    const auto database = open_at(folder.file());
    auto row = must(database->prepare("SELECT ?1, ?2, ?3, ?4"));
    row.bind(1, int64_t{-5}).bind(2, "it's").bind(3, std::string_view()).bind_null(4);
    ASSERT_TRUE(must(row.step()));
    EXPECT_EQ(row.integer(0), -5);
    EXPECT_EQ(row.text(1), "it's");
    EXPECT_FALSE(row.is_null(2));
    EXPECT_THAT(row.text(2), IsEmpty());
    EXPECT_TRUE(row.is_null(3));
    EXPECT_FALSE(must(row.step()));
    row.bind(7, int64_t{1});
    EXPECT_FALSE(row.step()) << "there is no seventh place";
}

TEST(Database, IsRefusedWhileAnotherProcessHasIt) {
    const TestFolder folder;
    const auto database = open_at(folder.file());
    const pid_t other = ::fork();
    if (other == 0) {
        // A lock of one's own process would be seen as well, but another process is the case.
        const auto second = Database::open(folder.file());
        const bool right = !second && second.error().message.contains("in use by another hvisd");
        ::_exit(right ? 0 : 1);
    }
    int status = -1;
    ASSERT_EQ(::waitpid(other, &status, 0), other);
    EXPECT_EQ(status, 0);
}

TEST(Database, TellsOfAForeignFileAndLeavesItAlone) {
    const TestFolder folder;
    write_file(folder.file(), "# notes\nthis is no database at all, but somebody wants it\n");
    expect_refused_untouched(folder.file(), "not a database");
    const std::string foreign = folder.file("foreign.db");
    sqlite3* handle = nullptr;
    ASSERT_EQ(sqlite3_open(foreign.c_str(), &handle), SQLITE_OK);
    sqlite3_exec(handle, "CREATE TABLE recipe (name)", nullptr, nullptr, nullptr);
    sqlite3_close(handle);
    expect_refused_untouched(foreign, "not a database of hvisd");
}

TEST(Database, TellsOfAnEmptiedFileAndALonelyLog) {
    const TestFolder folder;
    write_file(folder.file(), "");
    expect_refused_untouched(folder.file(), "it is empty");
    std::filesystem::remove(folder.file());
    write_file(folder.file() + "-wal", "committed, but not moved yet");
    EXPECT_THAT(refusal(folder.file()).message, HasSubstr("it is gone"));
    EXPECT_FALSE(std::filesystem::exists(folder.file()));
}

TEST(Database, TellsOfADamagedFileAndLeavesItAlone) {
    const TestFolder folder;
    {
        const auto database = open_at(folder.file());
        must(database->execute("CREATE INDEX by_text ON word (text)"));
        must(database->transaction([&]() -> Result<void, Failure> {
            for (int row = 0; row < 2000; ++row) {
                HVIS_CHECK(database->execute("INSERT INTO word VALUES ('word " +
                                             std::to_string(row) + "')"));
            }
            return {};
        }));
    }
    const std::string whole = read_file(folder.file());
    std::string torn = whole;
    for (size_t page = 4096 * 3; page + 64 < torn.size(); page += size_t{2} * 4096) {
        torn.replace(page, 64, 64, '\xa5');
    }
    write_file(folder.file(), torn);
    expect_refused_untouched(folder.file(), "cannot be used");
    write_file(folder.file(), whole.substr(0, whole.size() / 2));
    expect_refused_untouched(folder.file(), "cannot be used");
    write_file(folder.file(), whole);
    EXPECT_EQ(must(open_at(folder.file())->number("SELECT count(*) FROM word")), 2000);
}

TEST(Database, SaysThatTheDiskIsFullAndGoesOnWhenThereIsRoom) {
    const TestFolder folder;
    const auto database = open_at(folder.file());
    const int64_t pages = must(database->number("PRAGMA page_count"));
    must(database->number("PRAGMA max_page_count = " + std::to_string(pages + 2)));
    const auto fill = [&] {
        return database->execute("INSERT INTO word VALUES (hex(randomblob(20000)))");
    };
    const auto full = database->transaction(fill);
    ASSERT_FALSE(full);
    EXPECT_THAT(full.error().message, HasSubstr("has no room to grow"));
    EXPECT_THAT(full.error().hint, HasSubstr("make room"));
    must(database->number("PRAGMA max_page_count = 100000"));
    must(database->transaction(fill));
    EXPECT_EQ(must(database->number("SELECT count(*) FROM word")), 1);
}

TEST(Database, SaysWhyItCannotBeWritten) {
    const TestFolder folder;
    const auto database = open_at(folder.file());
    must(database->execute("PRAGMA query_only = 1"));
    const auto refused = database->execute("INSERT INTO word VALUES ('a')");
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message, HasSubstr("cannot be opened or written"));
    EXPECT_THAT(refused.error().hint, HasSubstr("mounted read-write"));
    EXPECT_THAT(refusal(folder.file("no/such/folder.db")).message, HasSubstr("No such file"));
}

}  // namespace
}  // namespace hvis::manager

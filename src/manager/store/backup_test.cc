#include "manager/store/backup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "manager/store/database.h"
#include "manager/store/store.h"
#include "manager/store/test_file.h"

namespace hvis::manager {
namespace {

using testing::HasSubstr;

std::unique_ptr<Database> open_with_words(const std::string& path, int words) {
    auto database = must(Database::open(path, [](Database& fresh) {
        return fresh.execute(
            "CREATE TABLE word (text TEXT) STRICT;"
            "CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT");
    }));
    for (int word = 0; word < words; ++word) {
        must(database->execute("INSERT INTO word VALUES ('x')"));
    }
    return database;
}

int64_t words_in(const std::string& path) {
    return must(must(Database::open(path))->number("SELECT count(*) FROM word"));
}

TEST(Backup, IsAWholeDatabaseOfThatMoment) {
    const TestFolder folder;
    const auto database = open_with_words(folder.file(), 3);
    must(database->backup(folder.file("copy.db")));
    must(database->execute("INSERT INTO word VALUES ('later')"));
    EXPECT_FALSE(std::filesystem::exists(folder.file("copy.db-wal")));
    EXPECT_EQ(words_in(folder.file("copy.db")), 3);
}

TEST(Backup, NeedsNoLock) {
    const TestFolder folder;
    const auto database = open_with_words(folder.file(), 3);
    must(Database::back_up_file(folder.file(), folder.file("copy.db")));
    EXPECT_EQ(words_in(folder.file("copy.db")), 3);
    write_file(folder.file("damaged.db"), "this is not a database, and never was one");
    EXPECT_FALSE(Database::back_up_file(folder.file("damaged.db"), folder.file("copy2.db")));
    EXPECT_FALSE(Database::back_up_file(folder.file("none.db"), folder.file("copy2.db")));
    EXPECT_FALSE(std::filesystem::exists(folder.file("copy2.db")));
}

TEST(Backup, ReplacesNothing) {
    const TestFolder folder;
    const auto database = open_with_words(folder.file(), 1);
    write_file(folder.file("copy.db"), "precious");
    const auto refused = database->backup(folder.file("copy.db"));
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message, HasSubstr("already"));
    EXPECT_EQ(read_file(folder.file("copy.db")), "precious");
}

TEST(Backup, IsPutBackAndTheDamagedFileIsKept) {
    const TestFolder folder;
    must(open_with_words(folder.file(), 2)->backup(folder.file("copy.db")));
    write_file(folder.file(), "damaged");
    write_file(folder.file() + "-wal", "its log");
    const std::string kept = must(restore_database(folder.file("copy.db"), folder.file()));
    EXPECT_EQ(kept, folder.file() + ".replaced-1");
    EXPECT_EQ(read_file(kept), "damaged");
    EXPECT_EQ(read_file(kept + "-wal"), "its log");
    EXPECT_EQ(words_in(folder.file()), 2);
    EXPECT_EQ(words_in(folder.file("copy.db")), 2) << "the backup is still one";
    EXPECT_EQ(must(restore_database(folder.file("copy.db"), folder.file())),
              folder.file() + ".replaced-2");
}

TEST(Backup, IsAnotherDatabaseOnceItIsPutBack) {
    const TestFolder folder;
    Guid before;
    {
        const auto store = must(Store::open(folder.file()));
        before = store->id();
        must(store->backup(folder.file("copy.db")));
    }
    must(restore_database(folder.file("copy.db"), folder.file()));
    const auto store = must(Store::open(folder.file()));
    EXPECT_NE(store->id(), before) << "what was given after the backup has the old one";
}

TEST(Backup, IsCheckedBeforeItIsPutBack) {
    const TestFolder folder;
    {
        const auto database = open_with_words(folder.file(), 2);
    }
    write_file(folder.file("copy.db"), "this is not a database, and never was one");
    EXPECT_FALSE(restore_database(folder.file("copy.db"), folder.file()));
    EXPECT_FALSE(restore_database(folder.file("none.db"), folder.file()));
    EXPECT_EQ(words_in(folder.file()), 2);
}

TEST(Backup, IsNotPutBackUnderARunningHvisd) {
    const TestFolder folder;
    const auto database = open_with_words(folder.file(), 2);
    must(database->backup(folder.file("copy.db")));
    const auto refused = restore_database(folder.file("copy.db"), folder.file());
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message, HasSubstr("in use by another hvisd"));
}

}  // namespace
}  // namespace hvis::manager

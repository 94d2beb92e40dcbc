#include "manager/store/backup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

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

TEST(Backup, DeletesNothingThatItHasNotMade) {
    const TestFolder folder;
    const auto database = open_with_words(folder.file(), 1);
    for (const char* name : {"copy.db.unfinished", "copy.db.unfinished-journal"}) {
        write_file(folder.file(name), "precious");
        const auto refused = database->backup(folder.file("copy.db"));
        ASSERT_FALSE(refused) << name;
        EXPECT_THAT(refused.error().message, HasSubstr("copy.db.unfinished"));
        EXPECT_THAT(refused.error().hint, HasSubstr("remove it"));
        EXPECT_EQ(read_file(folder.file(name)), "precious");
        std::filesystem::remove(folder.file(name));
    }
    must(database->backup(folder.file("copy.db")));
}

TEST(Backup, IsRefusedWhileAnotherProgramHoldsTheFile) {
    const TestFolder folder;
    must(open_with_words(folder.file(), 2)->backup(folder.file("copy.db")));
    sqlite3* other = nullptr;
    ASSERT_EQ(sqlite3_open(folder.file("copy.db").c_str(), &other), SQLITE_OK);
    ASSERT_EQ(sqlite3_exec(other, "BEGIN EXCLUSIVE", nullptr, nullptr, nullptr), SQLITE_OK);
    const auto refused = restore_database(folder.file("copy.db"), folder.file());
    sqlite3_close(other);
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message, HasSubstr("is held by another program"));
    EXPECT_EQ(words_in(folder.file()), 2) << "as it was";
}

TEST(Backup, IsNotPutBackWhereThePresentFileCannotBeKeptWithItsLog) {
    const TestFolder folder;
    // So long a name that with ".replaced-1000" it is one still, and with "-wal" after that it is
    // not.
    const std::string path = folder.file(std::string(238, 'x'));
    must(open_with_words(path, 2)->backup(folder.file("copy.db")));
    write_file(path + "-wal", "its log");
    const std::string before = read_file(path);
    for (int number = 1; number < 1000; ++number) {
        write_file(path + ".replaced-" + std::to_string(number), "");
    }
    const auto refused = restore_database(folder.file("copy.db"), path);
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message, HasSubstr("cannot be renamed"));
    EXPECT_EQ(read_file(path), before);
    EXPECT_EQ(read_file(path + "-wal"), "its log");
    EXPECT_FALSE(std::filesystem::exists(path + ".restored"));
    EXPECT_FALSE(std::filesystem::exists(path + ".replaced-1000"));
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

TEST(Backup, IsTheFoldersOwnersOnceRootHasPutItBack) {
    if (::geteuid() != 0) {
        GTEST_SKIP() << "only root can make files that are another user's";
    }
    constexpr uid_t kOwner = 12345;
    const TestFolder folder;
    must(open_with_words(folder.file("source.db"), 2)->backup(folder.file("copy.db")));
    std::filesystem::create_directory(folder.file("state"));
    ASSERT_EQ(::chown(folder.file("state").c_str(), kOwner, kOwner), 0);
    must(restore_database(folder.file("copy.db"), folder.file("state/hvis.db")));
    for (const char* name : {"state/hvis.db", "state/hvis.db.lock"}) {
        struct stat about{};
        ASSERT_EQ(::stat(folder.file(name).c_str(), &about), 0) << name;
        EXPECT_EQ(about.st_uid, kOwner) << name;
        EXPECT_EQ(about.st_gid, kOwner) << name;
        EXPECT_EQ(about.st_mode & 0777U, 0600U) << name;
    }
}

TEST(Backup, GivesAwayNoFileThatHasAnotherName) {
    if (::geteuid() != 0) {
        GTEST_SKIP() << "only root can make files that are another user's";
    }
    const TestFolder folder;
    must(open_with_words(folder.file("source.db"), 2)->backup(folder.file("copy.db")));
    std::filesystem::create_directory(folder.file("state"));
    write_file(folder.file("precious"), "root's");
    std::filesystem::create_hard_link(folder.file("precious"), folder.file("state/hvis.db.lock"));
    ASSERT_EQ(::chown(folder.file("state").c_str(), 12345, 12345), 0);
    must(restore_database(folder.file("copy.db"), folder.file("state/hvis.db")));
    struct stat about{};
    ASSERT_EQ(::stat(folder.file("precious").c_str(), &about), 0);
    EXPECT_EQ(about.st_uid, 0U);
}

TEST(Backup, IsCheckedBeforeItIsPutBack) {
    const TestFolder folder;
    {
        const auto database = open_with_words(folder.file(), 2);
    }
    write_file(folder.file("copy.db"), "this is not a database, and never was one");
    const auto refused = restore_database(folder.file("copy.db"), folder.file());
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message, HasSubstr("the backup " + folder.file("copy.db")));
    EXPECT_THAT(refused.error().hint, HasSubstr("the present database was left as it is"));
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

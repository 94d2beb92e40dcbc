#include "manager/store/database.h"

#include <sqlite3.h>

#include "manager/store/database_file.h"
#include "manager/store/sqlite_failure.h"

namespace hvis::manager {
namespace {

/// How long a reader such as `sqlite3 hvis.db` may hold up a checkpoint.
constexpr int kBusyMilliseconds = 2000;

/// Rows of `PRAGMA quick_check` that a message repeats.
constexpr int kFindingsShown = 3;

}  // namespace

Result<std::unique_ptr<Database>, Failure> Database::connect(const std::string& path, int flags,
                                                             UniqueFd lock) {
    sqlite3* handle = nullptr;
    const int code = sqlite3_open_v2(path.c_str(), &handle,
                                     flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
    std::unique_ptr<Database> database(new Database(handle, std::move(lock), path));
    if (code != SQLITE_OK) {
        return std::unexpected(sqlite_failure(handle, path));
    }
    sqlite3_busy_timeout(handle, kBusyMilliseconds);
    // Strange files must not make strange things happen: no functions run from the schema, no
    // writing to SQLite's own tables.
    sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
    sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
    return database;
}

Result<std::unique_ptr<Database>, Failure> Database::open(const std::string& path,
                                                          const Fill& fill) {
    UniqueFd lock = HVIS_TRY(lock_database(path, kLockWait));
    if (HVIS_TRY(file_is_missing(path))) {
        // Made under another name, so that an end half-way leaves nothing that looks like a
        // database, and an empty file is always one that somebody has emptied.
        const std::string unfinished = path + ".new";
        remove_database_files(unfinished);
        HVIS_CHECK(make_private_file(unfinished));
        {
            const auto database = HVIS_TRY(connect(unfinished, SQLITE_OPEN_READWRITE, UniqueFd()));
            HVIS_CHECK(database->execute(
                "PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON; PRAGMA application_id = " +
                std::to_string(kApplicationId)));
            if (fill) {
                HVIS_CHECK(fill(*database));
            }
        }
        HVIS_CHECK(publish_file(unfinished, path));
    }
    auto database = HVIS_TRY(connect(path, SQLITE_OPEN_READWRITE, std::move(lock)));
    HVIS_CHECK(database->check());
    HVIS_CHECK(
        database->execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; "
                          "PRAGMA foreign_keys = ON"));
    return database;
}

Database::~Database() { sqlite3_close_v2(handle_); }

Result<void, Failure> Database::check() {
    if (HVIS_TRY(number("PRAGMA application_id")) != kApplicationId) {
        return std::unexpected(damaged_file(path_, "it is not a database of hvisd"));
    }
    auto findings = HVIS_TRY(prepare("PRAGMA quick_check(" + std::to_string(kFindingsShown) + ")"));
    std::string text;
    while (HVIS_TRY(findings.step())) {
        text += (text.empty() ? "" : "; ") + findings.text(0);
    }
    if (text != "ok") {
        return std::unexpected(damaged_file(path_, text));
    }
    return {};
}

Result<void, Failure> Database::check_file(const std::string& path) {
    if (HVIS_TRY(file_is_missing(path))) {
        return std::unexpected(
            control::make_failure(control::ErrorCode::kNotFound, "there is no file " + path));
    }
    const auto database = HVIS_TRY(connect(path, SQLITE_OPEN_READONLY, UniqueFd()));
    return database->check();
}

Result<Statement, Failure> Database::prepare(std::string_view sql) {
    sqlite3_stmt* statement = nullptr;
    if (sqlite3_prepare_v2(handle_, sql.data(), static_cast<int>(sql.size()), &statement,
                           nullptr) != SQLITE_OK) {
        return std::unexpected(sqlite_failure(handle_, path_));
    }
    return Statement(statement);
}

Result<void, Failure> Database::execute(const std::string& sql) {
    if (sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
        return std::unexpected(sqlite_failure(handle_, path_));
    }
    return {};
}

Result<void, Failure> Database::transaction(const std::function<Result<void, Failure>()>& work,
                                            Durability durability) {
    if (durability == Durability::kHost) {
        HVIS_CHECK(execute("PRAGMA synchronous = FULL"));
    }
    auto result = execute("BEGIN IMMEDIATE");
    if (result) {
        result = work();
        if (result) {
            result = execute("COMMIT");
        }
        // SQLite has rolled back by itself after some failures (a full disk among them).
        if (!result && sqlite3_get_autocommit(handle_) == 0) {
            [[maybe_unused]] const auto rolled_back = execute("ROLLBACK");
        }
    }
    if (durability == Durability::kHost) {
        HVIS_CHECK(execute("PRAGMA synchronous = NORMAL"));
    }
    return result;
}

int64_t Database::last_insert_id() const { return sqlite3_last_insert_rowid(handle_); }

int64_t Database::changes() const { return sqlite3_changes64(handle_); }

Result<int64_t, Failure> Database::number(std::string_view sql) {
    auto statement = HVIS_TRY(prepare(sql));
    return HVIS_TRY(statement.step()) ? statement.integer(0) : 0;
}

}  // namespace hvis::manager

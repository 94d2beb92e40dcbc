#include "manager/store/backup.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <system_error>

#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include "manager/store/database.h"
#include "manager/store/database_file.h"
#include "manager/store/sqlite_failure.h"
#include "manager/store/store.h"

namespace hvis::manager {
namespace {

/// Kept databases that a restore tells apart by number.
constexpr int kMaxReplaced = 1000;

/// How long another program may hold a file that is copied.
constexpr int kBusyMilliseconds = 5000;

bool exists(const std::string& path) {
    struct stat about{};
    return ::lstat(path.c_str(), &about) == 0;
}

/// Whether there is a file of this name, or one that SQLite would take for its companion.
bool any_exists(const std::string& path) {
    return std::ranges::any_of(kDatabaseSuffixes,
                               [&](const char* suffix) { return exists(path + suffix); });
}

Result<void, Failure> rename_file(const std::string& from, const std::string& to) {
    if (::rename(from.c_str(), to.c_str()) != 0) {
        return std::unexpected(control::make_failure(
            control::ErrorCode::kFailed,
            from + " cannot be renamed to " + to + ": " + std::generic_category().message(errno),
            "nothing was put in its place; the user that hvisd runs as must own the folder"));
    }
    return {};
}

/// Copies every page; the source may be in use.
Result<void, Failure> copy_pages(sqlite3* from, sqlite3* to, const std::string& path) {
    sqlite3_backup* copy = sqlite3_backup_init(to, "main", from, "main");
    if (copy == nullptr) {
        return std::unexpected(sqlite_failure(to, path));
    }
    const int step = sqlite3_backup_step(copy, -1);
    // A file that is held by somebody else is no error of the copy: only its end tells.
    if (sqlite3_backup_finish(copy) != SQLITE_OK) {
        return std::unexpected(sqlite_failure(to, path));
    }
    if (step != SQLITE_DONE) {
        return std::unexpected(sqlite_failure(step, sqlite3_errstr(step), path));
    }
    return {};
}

/// Store::id().
Result<void, Failure> forget_id(sqlite3* database, const std::string& path) {
    const std::string sql =
        "DELETE FROM setting WHERE name = '" + std::string(Store::kIdSetting) + "'";
    if (sqlite3_exec(database, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
        return std::unexpected(sqlite_failure(database, path));
    }
    return {};
}

/// The first name PATH.replaced-N that is free.
Result<std::string, Failure> free_name(const std::string& path) {
    for (int number = 1; number <= kMaxReplaced; ++number) {
        const std::string name = path + ".replaced-" + std::to_string(number);
        if (!exists(name) && !exists(name + "-wal")) {
            return name;
        }
    }
    return std::unexpected(control::make_failure(
        control::ErrorCode::kFailed,
        std::to_string(kMaxReplaced) + " replaced databases lie beside " + path,
        "remove those that you do not need"));
}

/// Renames a database and its WAL, both or neither. The database first: should the host go down in
/// between, a WAL without its database is refused, while a database without its WAL would be taken
/// for whole.
Result<void, Failure> put_aside(const std::string& path, const std::string& kept) {
    const bool whole = exists(path);
    if (whole) {
        HVIS_CHECK(rename_file(path, kept));
    }
    if (exists(path + "-wal")) {
        if (auto moved = rename_file(path + "-wal", kept + "-wal"); !moved) {
            if (whole) {
                HVIS_CHECK(rename_file(kept, path));
            }
            return moved;
        }
    }
    ::unlink((path + "-shm").c_str());
    return {};
}

/// What a database's own failures advise is for the one that hvisd uses, which this is not.
Result<void, Failure> check_backup(const std::string& path) {
    constexpr std::string_view kOurs = "the database ";
    auto checked = Database::check_file(path);
    if (!checked) {
        Failure& failure = checked.error();
        if (failure.message.starts_with(kOurs)) {
            failure.message.replace(0, kOurs.size(), "the backup ");
        }
        failure.hint =
            "the present database was left as it is; name a file that can be read and that "
            "`hvisd --backup` or `hvis database backup` has made";
    }
    return checked;
}

}  // namespace

Result<void, Failure> Database::backup(const std::string& path) {
    if (exists(path)) {
        return std::unexpected(control::make_failure(
            control::ErrorCode::kFailed, "there is a file " + path + " already",
            "a backup never replaces a file: choose another name, or remove it"));
    }
    const std::string unfinished = path + ".unfinished";
    if (any_exists(unfinished)) {
        return std::unexpected(control::make_failure(
            control::ErrorCode::kFailed, "there is " + unfinished + " (or -wal, …) already",
            "a backup that was interrupted leaves it, or is writing it just now: remove it, or "
            "choose another name"));
    }
    HVIS_CHECK(make_private_file(unfinished));
    const auto copied = [&]() -> Result<void, Failure> {
        const auto target = HVIS_TRY(connect(unfinished, SQLITE_OPEN_READWRITE, UniqueFd()));
        HVIS_CHECK(copy_pages(handle_, target->handle_, unfinished));
        // One file that can be copied anywhere: no WAL beside it.
        HVIS_CHECK(target->execute("PRAGMA journal_mode = DELETE"));
        return target->check();
    }();
    auto published = copied ? publish_file(unfinished, path) : copied;
    if (!published) {
        remove_database_files(unfinished);
    }
    return published;
}

Result<void, Failure> Database::back_up_file(const std::string& source, const std::string& path) {
    HVIS_CHECK(check_file(source));
    const auto database = HVIS_TRY(connect(source, SQLITE_OPEN_READONLY, UniqueFd()));
    return database->backup(path);
}

Result<std::string, Failure> restore_database(const std::string& backup, const std::string& path) {
    HVIS_CHECK(check_backup(backup));
    const UniqueFd lock = HVIS_TRY(lock_database(path, Database::kLockWait));
    HVIS_CHECK(give_to_owner_of_folder(path + ".lock"));
    const std::string copy = path + ".restored";
    remove_database_files(copy);
    {
        sqlite3* source = nullptr;
        const int code = sqlite3_open_v2(backup.c_str(), &source, SQLITE_OPEN_READONLY, nullptr);
        sqlite3_busy_timeout(source, kBusyMilliseconds);
        sqlite3* target = nullptr;
        auto copied = code == SQLITE_OK ? make_private_file(copy)
                                        : std::unexpected(sqlite_failure(source, backup));
        if (copied) {
            copied =
                sqlite3_open_v2(copy.c_str(), &target, SQLITE_OPEN_READWRITE, nullptr) == SQLITE_OK
                    ? copy_pages(source, target, copy)
                    : std::unexpected(sqlite_failure(target, copy));
        }
        if (copied) {
            copied = forget_id(target, copy);
        }
        sqlite3_close(target);
        sqlite3_close(source);
        if (copied) {
            copied = give_to_owner_of_folder(copy);
        }
        if (copied) {
            copied = Database::check_file(copy);
            // The backup may be one in WAL mode; nothing has been written to these.
            ::unlink((copy + "-wal").c_str());
            ::unlink((copy + "-shm").c_str());
        }
        if (!copied) {
            remove_database_files(copy);
            return std::unexpected(copied.error());
        }
    }
    std::string kept;
    if (exists(path) || exists(path + "-wal")) {
        kept = HVIS_TRY(free_name(path));
        if (const auto moved = put_aside(path, kept); !moved) {
            remove_database_files(copy);
            return std::unexpected(moved.error());
        }
    }
    HVIS_CHECK(publish_file(copy, path));
    return kept;
}

}  // namespace hvis::manager

#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "base/unique_fd.h"
#include "control/failure.h"

struct sqlite3;
struct sqlite3_stmt;

namespace hvis::manager {

using control::Failure;

/// One prepared statement; bind by number from 1. A statement that has brought its last row, or
/// failed, is ready for its next use. Must not outlive its Database.
class Statement {
public:
    Statement(Statement&& other) noexcept
        : statement_(std::exchange(other.statement_, nullptr)), bind_error_(other.bind_error_) {}
    Statement& operator=(Statement&& other) noexcept;
    Statement(const Statement&) = delete;
    Statement& operator=(const Statement&) = delete;
    ~Statement();

    Statement& bind(int index, int64_t value);
    Statement& bind(int index, std::string_view text);
    Statement& bind_null(int index);

    /// True while there is a row. After false, or after an error, the statement is reset.
    Result<bool, Failure> step();
    /// Steps to the end of a statement that brings no rows.
    Result<void, Failure> run();

    [[nodiscard]] int64_t integer(int column) const;
    [[nodiscard]] std::string text(int column) const;
    [[nodiscard]] bool is_null(int column) const;

private:
    friend class Database;
    explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}
    sqlite3_stmt* statement_;
    int bind_error_ = 0;
};

/// What a commit outlives.
enum class Durability : uint8_t {
    /// The end of hvisd, at any moment. No fsync: a host that loses its power may forget the last
    /// half minute (what the kernel had not written yet), but the file stays whole.
    kProcess,
    /// The loss of the host's power too: one fsync, which also secures all that came before.
    kHost,
};

/// An SQLite database in WAL mode, opened by one process, used by one thread.
///
/// Every failure carries SQLite's own words and what to do about it: a full disk and a damaged
/// file are told apart from everything else.
class Database {
public:
    /// "HVIS": PRAGMA application_id of every file that is ours.
    static constexpr int kApplicationId = 0x48564953;
    /// How long an hvisd that is just ending may still hold the file.
    static constexpr std::chrono::milliseconds kLockWait{2000};

    /// Fills a database that has nothing in it yet.
    using Fill = std::function<Result<void, Failure>(Database&)>;

    /// Opens the file and checks it (`PRAGMA quick_check`); where there is none, one is made with
    /// mode 0600 that appears only once `fill` is done. A damaged, empty or foreign file is refused
    /// with its findings and the way to a backup; it is never replaced or cut. Refused as well
    /// while another process has it open so.
    static Result<std::unique_ptr<Database>, Failure> open(const std::string& path,
                                                           const Fill& fill = {});
    Database(const Database&) = delete;
    Database& operator=(const Database&) = delete;
    ~Database();

    Result<Statement, Failure> prepare(std::string_view sql);
    /// Several statements without parameters.
    Result<void, Failure> execute(const std::string& sql);
    /// Runs `work` between BEGIN IMMEDIATE and COMMIT; rolls back when either fails. Not nested.
    Result<void, Failure> transaction(const std::function<Result<void, Failure>()>& work,
                                      Durability durability = Durability::kProcess);
    [[nodiscard]] int64_t last_insert_id() const;
    [[nodiscard]] int64_t changes() const;
    /// The first column of the first row of a statement without parameters.
    Result<int64_t, Failure> number(std::string_view sql);

    /// SQLite's online backup into a new file, which must not exist: usable while others write.
    /// The new file is whole and on the disk when this returns; until then it has another name.
    Result<void, Failure> backup(const std::string& path);

    /// The same for the database at `source`, whoever has it open: takes no lock, so that it works
    /// beside a running hvisd and on any thread. A damaged one is refused.
    static Result<void, Failure> back_up_file(const std::string& source, const std::string& path);

    /// Refuses whatever is not a whole database of hvisd; changes nothing.
    static Result<void, Failure> check_file(const std::string& path);

private:
    Database(sqlite3* handle, UniqueFd lock, std::string path)
        : lock_(std::move(lock)), handle_(handle), path_(std::move(path)) {}
    static Result<std::unique_ptr<Database>, Failure> connect(const std::string& path, int flags,
                                                              UniqueFd lock);
    Result<void, Failure> check();

    UniqueFd lock_;  // outlives the connection
    sqlite3* handle_;
    std::string path_;
};

}  // namespace hvis::manager

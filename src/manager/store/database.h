#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "control/failure.h"

struct sqlite3;
struct sqlite3_stmt;

namespace hvis::manager {

using control::Failure;

/// One prepared statement, reset when it goes out of scope by the next use. Bind by number from 1.
class Statement {
public:
    Statement(Statement&&) noexcept;
    Statement& operator=(Statement&&) noexcept;
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
};

/// An SQLite database in WAL mode, opened by one process, used by one thread.
///
/// Every failure carries SQLite's own words and what to do about it: a full disk and a damaged
/// file are told apart from everything else.
class Database {
public:
    /// Opens or creates the file with mode 0600 and checks it (`PRAGMA quick_check`). A damaged
    /// file is refused with its findings and the way to a backup; it is never replaced or cut.
    static Result<std::unique_ptr<Database>, Failure> open(const std::string& path);
    Database(const Database&) = delete;
    Database& operator=(const Database&) = delete;
    ~Database();

    Result<Statement, Failure> prepare(std::string_view sql);
    /// Several statements without parameters.
    Result<void, Failure> execute(const std::string& sql);
    /// Runs `work` between BEGIN IMMEDIATE and COMMIT; rolls back when either fails. Not nested.
    Result<void, Failure> transaction(const std::function<Result<void, Failure>()>& work);
    [[nodiscard]] int64_t last_insert_id() const;
    [[nodiscard]] int64_t changes() const;

    /// SQLite's online backup into a new file, which must not exist: usable while others write.
    Result<void, Failure> backup(const std::string& path);

private:
    explicit Database(sqlite3* handle) : handle_(handle) {}
    sqlite3* handle_;
};

}  // namespace hvis::manager

#include <sqlite3.h>

#include "manager/store/database.h"
#include "manager/store/sqlite_failure.h"

namespace hvis::manager {

Statement& Statement::operator=(Statement&& other) noexcept {
    if (this != &other) {
        sqlite3_finalize(statement_);
        statement_ = std::exchange(other.statement_, nullptr);
        bind_error_ = other.bind_error_;
    }
    return *this;
}

Statement::~Statement() { sqlite3_finalize(statement_); }

Statement& Statement::bind(int index, int64_t value) {
    bind_error_ |= sqlite3_bind_int64(statement_, index, value);
    return *this;
}

Statement& Statement::bind(int index, std::string_view text) {
    // An empty view may have no address, which SQLite would take for NULL.
    const char* bytes = text.empty() ? "" : text.data();
    bind_error_ |=
        sqlite3_bind_text64(statement_, index, bytes, text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
    return *this;
}

Statement& Statement::bind_null(int index) {
    bind_error_ |= sqlite3_bind_null(statement_, index);
    return *this;
}

Result<bool, Failure> Statement::step() {
    sqlite3* handle = sqlite3_db_handle(statement_);
    const char* path = sqlite3_db_filename(handle, "main");
    if (const int error = std::exchange(bind_error_, 0); error != SQLITE_OK) {
        sqlite3_reset(statement_);
        return std::unexpected(sqlite_failure(error, "a value cannot be bound", path));
    }
    const int code = sqlite3_step(statement_);
    if (code == SQLITE_ROW) {
        return true;
    }
    if (code == SQLITE_DONE) {
        sqlite3_reset(statement_);
        return false;
    }
    auto failure = sqlite_failure(handle, path);
    sqlite3_reset(statement_);
    return std::unexpected(std::move(failure));
}

Result<void, Failure> Statement::run() {
    while (HVIS_TRY(step())) {
    }
    return {};
}

int64_t Statement::integer(int column) const { return sqlite3_column_int64(statement_, column); }

std::string Statement::text(int column) const {
    const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement_, column));
    const int size = sqlite3_column_bytes(statement_, column);
    return bytes == nullptr ? std::string() : std::string(bytes, static_cast<size_t>(size));
}

bool Statement::is_null(int column) const {
    return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

}  // namespace hvis::manager

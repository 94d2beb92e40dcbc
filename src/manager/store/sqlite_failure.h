#pragma once

#include <string_view>

#include "control/failure.h"

struct sqlite3;

namespace hvis::manager {

/// The failure that the connection has just had, with the next step. `path`: the database's file.
control::Failure sqlite_failure(sqlite3* handle, std::string_view path);
/// The same for a code without a connection.
control::Failure sqlite_failure(int code, std::string_view words, std::string_view path);
/// A file that is there, but cannot be used as it is: `finding`, and the way to a backup.
control::Failure damaged_file(std::string_view path, std::string_view finding);

}  // namespace hvis::manager

#pragma once

#include <span>
#include <string_view>

#include "manager/store/database.h"

namespace hvis::manager {

/// Steps from an empty database to the newest schema. Step N makes version N (PRAGMA
/// user_version) out of N-1; a published step never changes.
std::span<const std::string_view> schema_steps();

/// Brings the database to the last of `steps`, each step in a transaction of its own, so that an
/// end in between leaves a whole older version. A database of a newer version is refused.
Result<void, Failure> migrate(Database& database, std::span<const std::string_view> steps);

}  // namespace hvis::manager

#pragma once

#include <cstdint>
#include <optional>

#include "base/guid.h"
#include "base/time.h"
#include "manager/store/database.h"

namespace hvis::manager {

/// How times stand in the tables: milliseconds since 1970.
int64_t to_column(WallTime time);
WallTime time_from_column(int64_t milliseconds);

Statement& bind_time(Statement& statement, int index, const std::optional<WallTime>& time);
std::optional<WallTime> time_at(const Statement& statement, int column);
/// The GUID in a column; zeros for a text that is none, which no row of ours has.
Guid guid_at(const Statement& statement, int column);

}  // namespace hvis::manager

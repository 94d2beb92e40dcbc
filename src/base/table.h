#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace hvis {

using Row = std::vector<std::string>;

/// Lines with the cells in columns, two blanks apart; the first row is the heading. Nothing trails.
std::string table_text(const std::vector<Row>& rows);

/// Text that may hold anything, made safe for a terminal; text without control characters stays as
/// it is, so that what a worker has escaped already is not escaped twice.
std::string printable(std::string_view text);

}  // namespace hvis

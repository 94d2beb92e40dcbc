#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/table.h"
#include "control/json.h"

namespace hvis::control {

/// Lenient looks into a document that came from elsewhere, for showing it to people: what is
/// missing or of another type is nothing, and all text is made safe for a terminal.

/// The member, or a null value.
const Json& member_of(const Json& object, const char* name);
/// Text as it is, "yes" and "no", other values as JSON, nothing for null.
std::string text_of(const Json& value);
std::string text_at(const Json& object, const char* name);
/// 0 for what is not an integer.
int64_t number_at(const Json& object, const char* name);
/// Of a number of milliseconds: "1 min 5 s".
std::string duration_at(const Json& object, const char* name);
/// The items of a list.
std::string joined(const Json& list, std::string_view between = ", ");
/// Adds "name  value" unless the value is empty.
void add_row(std::vector<Row>& rows, std::string_view name, std::string value);

}  // namespace hvis::control

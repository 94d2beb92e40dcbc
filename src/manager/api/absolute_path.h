#pragma once

#include <optional>
#include <string>

#include "control/field_reader.h"

namespace hvis::manager {

inline constexpr size_t kMaxPath = 4000;

/// Takes the required field `name`: an absolute path without "." and ".." in it.
std::string read_path(control::FieldReader& reader, const std::string& name);

}  // namespace hvis::manager

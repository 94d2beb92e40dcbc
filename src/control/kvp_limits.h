#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "control/field_reader.h"

namespace hvis::control {

/// Longest key and value that every guest takes, in UTF-16 units without the final NUL. Linux keeps
/// 512 and 2048 bytes (hv_kvp_exchg_msg_value in hyperv.h); Hyper-V itself stops at these.
inline constexpr size_t kMaxKvpKeyUnits = 254;
inline constexpr size_t kMaxKvpValueUnits = 1022;

/// Takes a required text field of `lowest` to `highest` UTF-16 units without NUL.
std::optional<std::string> read_units(FieldReader& reader, std::string_view name, size_t lowest,
                                      size_t highest);
/// The same for a key that is not in a field: what is wrong with it, or an empty text.
std::string units_complaint(std::string_view text, size_t lowest, size_t highest);

}  // namespace hvis::control

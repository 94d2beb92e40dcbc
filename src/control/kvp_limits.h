#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "control/field_reader.h"

namespace hvis::control {

/// How long a text for the guest may be. A character counts as one or two UTF-16 units, and as one
/// to four bytes of UTF-8: three for most of those that are not Latin, Greek or Cyrillic.
struct TextLimits {
    size_t lowest = 0;        ///< UTF-16 units, without the final NUL
    size_t units = 0;         ///< highest number of them
    size_t bytes = SIZE_MAX;  ///< highest number of bytes of UTF-8
};

/// A key and a value that every guest takes. Linux keeps 512 and 2048 bytes of UTF-16
/// (hv_kvp_exchg_msg_value in hyperv.h), where Hyper-V itself stops, and in its pools as many bytes
/// of UTF-8 (kvp_record in hv_kvp_daemon.c).
inline constexpr TextLimits kKvpKeyLimits{.lowest = 1, .units = 254, .bytes = 511};
inline constexpr TextLimits kKvpValueLimits{.lowest = 0, .units = 1022, .bytes = 2047};

/// Most pairs that the host may hold in one pool: what a worker takes at its start.
inline constexpr size_t kMaxHeldPairs = 112;

/// Takes a required text field within the limits and without NUL.
std::optional<std::string> read_units(FieldReader& reader, std::string_view name,
                                      const TextLimits& limits);
/// The same for a key that is not in a field: what is wrong with it, or an empty text.
std::string units_complaint(std::string_view text, const TextLimits& limits);

}  // namespace hvis::control

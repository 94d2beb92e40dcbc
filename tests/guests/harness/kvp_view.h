#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "harness/guest.h"

namespace hvis::guests {

/// The records in the guest's file /var/lib/hyperv/.kvp_pool_N. A failure if one is torn.
Pairs records(Guest& guest, int pool);

/// Adds a record to the file, as kvp_client and other programs of a guest do.
void append_record(Guest& guest, int pool, std::string_view key, std::string_view value);
/// Removes all records.
void clear_records(Guest& guest, int pool);

std::optional<std::string> value_of(const Pairs& pairs, std::string_view key);
/// Regardless of their order.
bool same_pairs(Pairs left, Pairs right);

}  // namespace hvis::guests

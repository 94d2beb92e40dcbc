#pragma once

#include <cstdint>

#include "base/result.h"
#include "vm/guest_memory.h"

namespace hvis::vm {

/// Writes the page tables (identity map of the first 4 GiB, 2 MiB pages) and the GDT (code 0x10,
/// data 0x18, task 0x20) that the 64-bit entry of Linux asks for.
Result<void> write_start_tables(GuestMemory& memory);

/// Last valid byte of the GDT.
inline constexpr uint16_t kGdtLimit = 5 * 8 - 1;

}  // namespace hvis::vm

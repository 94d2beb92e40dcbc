#pragma once

#include <cstdint>

#include "base/result.h"
#include "vm/guest_memory.h"
#include "vm/memory_map.h"

namespace hvis::vm {

/// Whether the guest is told of the sleeping state S4.
enum class Hibernation : uint8_t { kAbsent, kOffered };

/// Writes RSDP, XSDT, FADT, MADT and DSDT below 1 MiB, where firmware would have left them, and
/// returns the address of the RSDP. The machine that they describe: hardware-reduced ACPI,
/// `processors` local APICs with id = index, one I/O APIC, one serial port, a clock, a VMBus.
Result<GuestAddress> write_acpi_tables(GuestMemory& memory, const MemoryMap& map,
                                       uint32_t processors,
                                       Hibernation hibernation = Hibernation::kAbsent);

}  // namespace hvis::vm

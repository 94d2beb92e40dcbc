#pragma once

#include "base/result.h"
#include "vm/guest_memory.h"

namespace hvis::vm {

/// Puts a few real-mode instructions where a PC's firmware starts: they write the reset register.
///
/// On a hardware-reduced ACPI machine Linux reboots by EFI, and where there is none by a jump to
/// that place; it never tries the ACPI reset register (arch/x86/kernel/reboot.c,
/// efi_reboot_required in arch/x86/platform/efi/quirks.c).
Result<void> write_reset_vector(GuestMemory& memory);

}  // namespace hvis::vm

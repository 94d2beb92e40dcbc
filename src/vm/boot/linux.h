#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "vm/boot/image_source.h"
#include "vm/guest_memory.h"
#include "vm/memory_map.h"

namespace hvis::vm {

/// The state in which the first processor starts: 64-bit mode, paging on, flat segments, interrupts
/// off. Linux: Documentation/arch/x86/boot.rst, "64-bit Boot Protocol".
struct InitialState {
    uint64_t entry = 0;        ///< RIP
    uint64_t boot_params = 0;  ///< RSI: the zero page
    uint64_t page_tables = 0;  ///< CR3: identity map of the first 4 GiB
    uint64_t gdt = 0;          ///< code selector 0x10, data selector 0x18
    uint16_t gdt_limit = 0;
    uint64_t stack = 0;  ///< RSP
};

/// What to boot. The images must outlive the call only.
struct LinuxBoot {
    /// A bzImage with a 64-bit entry point, or an x86-64 ELF vmlinux.
    const ImageSource& kernel;
    const ImageSource* initrd = nullptr;
    /// Without a final NUL. Longer than the kernel takes is an error, never a cut.
    std::string command_line;
    /// Where write_acpi_tables put the root pointer.
    GuestAddress rsdp;
};

/// Writes kernel, initrd, command line, zero page and start-up tables into RAM. Nothing in the
/// files is trusted. RAM that it does not write must be zero.
Result<InitialState> load_linux(GuestMemory& memory, const MemoryMap& map, const LinuxBoot& boot);

}  // namespace hvis::vm

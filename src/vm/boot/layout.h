#pragma once

#include <cstdint>

namespace hvis::vm {

// What the host puts into the first megabyte of a guest before it starts.

inline constexpr uint64_t kGdtAddress = 0x1000;
inline constexpr uint64_t kBootParamsAddress = 0x2000;
/// Top of the start-up stack; it grows down to the zero page's end.
inline constexpr uint64_t kStackTop = 0x8ff0;
/// One PML4, one PDPT and four page directories.
inline constexpr uint64_t kPageTablesAddress = 0x9000;
inline constexpr uint64_t kCommandLineAddress = 0x10000;
inline constexpr uint64_t kCommandLineRoom = 0x10000;
/// RAM that a PC leaves to its firmware starts here …
inline constexpr uint64_t kLowReservedStart = 0x9fc00;
/// … and ends here.
inline constexpr uint64_t kLowReservedEnd = 0x100000;
/// ACPI tables, where a guest that is told nothing looks for them.
inline constexpr uint64_t kAcpiAddress = 0xe0000;
/// A processor that is reset, or software that imitates it, starts here.
inline constexpr uint64_t kResetVectorAddress = 0xffff0;
inline constexpr uint64_t kAcpiRoom = kResetVectorAddress - kAcpiAddress;

}  // namespace hvis::vm

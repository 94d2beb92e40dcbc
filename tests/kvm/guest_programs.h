#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace hvis::test {

// Programs for a bare virtual machine: position-independent 64-bit code that runs at a kernel's
// entry point, interrupts off. Each ends by switching the machine off if it found what it expected,
// else by resetting it.

/// Switches off at once.
ByteView power_off_program();
/// Runs in a circle until it is stopped.
ByteView spin_program();
/// Resets the machine if its RAM is fresh, after dirtying it; else switches it off.
ByteView reset_program();
/// Loses its interrupt table and traps.
ByteView triple_fault_program();
/// kKicks fast HvSignalEvents on kKickConnection.
ByteView kick_program();
inline constexpr uint64_t kKicks = 1000;
inline constexpr uint32_t kKickConnection = 0x1234;
/// HvPostMessage on kPostConnection until the answer is HV_STATUS_INSUFFICIENT_BUFFERS, then writes
/// kReadyPort and halts.
ByteView post_program();
inline constexpr uint32_t kPostConnection = 1;
/// Enables SynIC message page and VMBus source, writes kReadyPort, receives two messages.
ByteView receive_program();
inline constexpr uint16_t kReadyPort = 0x80;
/// Reports a crash with parameters 11, 22, 33 and the text "it broke".
ByteView crash_program();
/// Writes the partition reference counter to kClockPort (low half) and kClockPort + 4, for ever.
ByteView clock_program();
inline constexpr uint16_t kClockPort = 0x90;

}  // namespace hvis::test

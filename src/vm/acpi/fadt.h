#pragma once

#include "base/bytes.h"
#include "vm/guest_memory.h"

namespace hvis::vm {

/// The fixed description table of a hardware-reduced machine: no SCI, no legacy timers to probe;
/// power off by the sleep control register; a reset register, which Linux does not use then. Linux
/// also takes the PM timer from it, as its last resort for a clock.
Bytes make_fadt(GuestAddress dsdt);

}  // namespace hvis::vm

#pragma once

#include "kvm/cpuid.h"

namespace hvis::kvm {

/// Writes the processor's place into every leaf that tells it (1, 4, 0xB, 0x8000'0008,
/// 0x8000'001D, 0x8000'001E), so that they agree; drops the leaves that nest deeper than socket and
/// core (0x1F, 0x8000'0026). Intel SDM and AMD APM volume 3, "CPUID".
void set_topology(CpuidEntries& entries, const CpuidChoice& choice);

}  // namespace hvis::kvm

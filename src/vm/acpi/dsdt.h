#pragma once

#include "base/bytes.h"
#include "base/result.h"
#include "vm/memory_map.h"

namespace hvis::vm {

/// dsdt.dsl as iasl compiled it, with the map's two windows in the VMBus's resources.
Result<Bytes> make_dsdt(const MemoryMap& map);

}  // namespace hvis::vm

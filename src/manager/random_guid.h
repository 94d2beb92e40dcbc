#pragma once

#include "base/guid.h"
#include "base/result.h"
#include "control/failure.h"

namespace hvis::manager {

/// A random GUID (RFC 4122 section 4.4). Fails only where the kernel has no random numbers.
Result<Guid, control::Failure> random_guid();

}  // namespace hvis::manager

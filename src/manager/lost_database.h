#pragma once

#include <string>

#include "base/result.h"
#include "control/failure.h"
#include "manager/config.h"

namespace hvis::manager {

/// Refuses a start without the database where VMs have left their folders: a new one would know
/// none of them, and a worker that runs would have nobody.
Result<void, control::Failure> check_not_lost(const std::string& database,
                                              const Config::Directories& directories);

}  // namespace hvis::manager

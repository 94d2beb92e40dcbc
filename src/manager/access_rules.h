#pragma once

#include "base/result.h"
#include "control/failure.h"
#include "manager/api/access.h"
#include "manager/config.h"

namespace hvis::manager {

/// Users and groups of the configuration as the kernel knows them. A name that this host does not
/// have is a failure that names it.
Result<AccessRules, control::Failure> access_rules(const Config::Roles& roles);

}  // namespace hvis::manager

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "control/failure.h"
#include "manager/api/access.h"
#include "manager/config.h"

namespace hvis::manager {

/// Users and groups of the configuration as the kernel knows them. A name that this host does not
/// have is a failure that names it.
Result<AccessRules, control::Failure> access_rules(const Config::Roles& roles);
/// All such names, a failure each.
std::vector<control::Failure> unknown_names(const Config::Roles& roles);

/// The group that the socket shall belong to; the same failure.
Result<uint32_t, control::Failure> group_id(const std::string& name);

}  // namespace hvis::manager

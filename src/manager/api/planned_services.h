#pragma once

#include <string_view>

#include "control/failure.h"
#include "control/json.h"

namespace hvis::manager {

/// Services of Hyper-V that a guest may know and that this version does not offer: each with its
/// name and why, for the list of a VM's services.
control::Json planned_services();

/// What becomes of a request about a service that is none of those that are offered: which ones
/// are, and of a known one that it is not among them yet.
control::Failure not_offered(std::string_view name);

}  // namespace hvis::manager

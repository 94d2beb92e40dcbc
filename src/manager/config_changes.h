#pragma once

#include <string>
#include <vector>

#include "manager/config.h"

namespace hvis::manager {

/// The tables of hvisd.toml in which `read` differs from `running`, but for "roles", which alone
/// are taken over while hvisd runs: "[events]", "[[webhook]] and [[hook]]", …
std::vector<std::string> changes_for_restart(const Config& running, const Config& read);

}  // namespace hvis::manager

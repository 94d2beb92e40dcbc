#pragma once

#include <vector>

#include "cli/completion.h"
#include "cli/http/api.h"

namespace hvis::cli {

/// What hvisd knows that fits the question: names of VMs, services, keys, operations, tokens.
/// Nothing where hvisd cannot be asked: completion has nobody to complain to.
std::vector<Candidate> live_values(Api& api, const Question& question);

}  // namespace hvis::cli

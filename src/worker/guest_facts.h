#pragma once

#include <map>
#include <span>
#include <string>

#include "control/results.h"
#include "ic/kvp_job.h"
#include "worker/config.h"

namespace hvis::worker {

using GuestFacts = control::GuestFacts;

/// What a guest says of itself in its `auto` pool. Guest-controlled text.
GuestFacts facts_from(std::span<const ic::KvpPair> pairs);

/// The sixteen keys of Guest\Parameters: this host, as the guest of `config` is told. The
/// configuration's own pairs take precedence.
std::map<std::string, std::string> host_parameters(const Config& config);

}  // namespace hvis::worker

#pragma once

#include <span>

#include "control/results.h"
#include "ic/kvp_job.h"

namespace hvis::worker {

using GuestFacts = control::GuestFacts;

/// What a guest says of itself in its `auto` pool. Guest-controlled text.
GuestFacts facts_from(std::span<const ic::KvpPair> pairs);

}  // namespace hvis::worker

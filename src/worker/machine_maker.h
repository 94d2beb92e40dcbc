#pragma once

#include "base/result.h"
#include "loop/loop.h"
#include "worker/config.h"
#include "worker/machine.h"

namespace hvis::worker {

/// Prepares what the machine that `config` describes needs from outside and could not get once the
/// process is confined: for a loopback machine, the line to those who run its guests. Both
/// arguments must outlive the maker and its machines.
Result<Machine::Maker> machine_maker(const Config& config, loop::Loop& loop);

}  // namespace hvis::worker

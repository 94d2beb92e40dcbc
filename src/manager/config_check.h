#pragma once

#include <string>
#include <vector>

#include "control/failure.h"
#include "manager/config.h"

namespace hvis::manager {

/// What a configuration that can be read would fail by, at the start or later, as far as that shows
/// without a start: each "KEY: what is wrong", with the next step. Nothing is made, run or changed.
/// Seen with the rights of whoever asks. `worker`: the program that hvisd would start.
std::vector<control::Failure> check_config(const Config& config, const std::string& worker);

}  // namespace hvis::manager

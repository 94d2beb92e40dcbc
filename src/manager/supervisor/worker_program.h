#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "control/failure.h"

namespace hvis::manager {

/// hvis-vm in `folder`, which is hvisd's own; else in one of `path` ($PATH), of which only what is
/// absolute counts; else where packages put it.
std::string find_worker_program(const std::string& folder, std::string_view path);

/// Why the worker's program cannot be run; nothing where it can, as far as that shows. Of kUsage:
/// whoever tries it again tries in vain.
std::optional<control::Failure> worker_program_failure(const std::string& program);

}  // namespace hvis::manager

#pragma once

#include <string>

#include "base/result.h"
#include "control/failure.h"
#include "manager/config.h"

namespace hvis::manager {

/// Makes the directories of hvisd where they are missing. What is missing above the `usual` ones is
/// made as well, for its owner alone, as XDG asks; above one that somebody has named it is taken
/// for a slip of the pen.
Result<void, control::Failure> make_directories(const Config::Directories& directories,
                                                const Config::Directories& usual);

/// What to do about a directory that cannot be made or written for `error`, an errno value.
std::string directory_hint(const std::string& path, int error);

}  // namespace hvis::manager

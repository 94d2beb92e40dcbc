#pragma once

#include <string>

#include "base/result.h"
#include "control/failure.h"

namespace hvis::manager {

/// Puts a backup in the place of the database (`hvisd --restore BACKUP`), while no hvisd runs.
///
/// The backup is checked first, and copied; it is not changed. The present file, whole or not, is
/// kept with its WAL as PATH.replaced-1, -2, …: nothing is ever lost by this. Returns that name, or
/// an empty one where there was no file.
Result<std::string, control::Failure> restore_database(const std::string& backup,
                                                       const std::string& path);

}  // namespace hvis::manager

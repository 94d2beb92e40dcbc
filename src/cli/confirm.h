#pragma once

#include <string>

#include "cli/session.h"

namespace hvis::cli {

/// Something that is not done without asking, unless --yes was given.
struct Doubtful {
    std::string deed;      ///< "deleting web"
    std::string question;  ///< "Delete web, its pairs and its logs?"
    std::string declined;  ///< "web is not deleted"
};

/// Asks on the terminal; a failure where the answer is no, or where nobody can be asked.
Result<void, Failure> confirm(Session& session, const Doubtful& doubtful);

}  // namespace hvis::cli

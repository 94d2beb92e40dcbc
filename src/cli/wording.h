#pragma once

#include <string>

#include "control/failure.h"

namespace CLI {
class App;
class ParseError;
}  // namespace CLI

namespace hvis::cli {

/// The verb that a parsed line has come to, or the noun where the verb is missing.
const CLI::App& chosen_verb(const CLI::App& tree);

/// What is wrong with a line that could not be parsed, and whose help tells more.
control::Failure usage_of(const CLI::App& tree, const CLI::ParseError& error);

/// hvisd speaks of fields and paths of its API; whoever typed the line knows options and verbs.
/// Names those instead, and the VM of the line where a hint leaves it open. Words that are not
/// known here stay as they are.
control::Failure reworded(const CLI::App& tree, control::Failure failure);

}  // namespace hvis::cli

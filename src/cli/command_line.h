#pragma once

#include <memory>
#include <span>
#include <string>

#include "cli/tree.h"

namespace hvis::cli {

/// The whole tree of verbs; parsing a command line with it fills `chosen`, which must outlive it.
std::shared_ptr<CLI::App> make_tree(Chosen& chosen);

/// Parses `words` (without the program's name). The verb to carry out is in `chosen`; or else the
/// status to leave with, after help went to standard output or what is wrong to standard error.
std::optional<int> parse(CLI::App& tree, std::span<const std::string> words, const Chosen& chosen,
                         const Output& output);

}  // namespace hvis::cli

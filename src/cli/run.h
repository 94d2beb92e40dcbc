#pragma once

#include <span>
#include <string>

#include "cli/http/endpoint.h"
#include "cli/output.h"

namespace hvis::cli {

/// The whole program but for the process around it: reads the command line, carries it out and
/// returns the exit status. `interrupt` becomes readable at Ctrl+C; -1: never.
int run(std::span<const std::string> words, const Output& output, const Surroundings& surroundings,
        int interrupt);

}  // namespace hvis::cli

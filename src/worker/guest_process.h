#pragma once

#include <string>

#include "base/result.h"
#include "loopback/power_line.h"

namespace hvis::worker {

/// Where the program that runs loopback guests is: beside this program, or in libexec/hvis beside
/// its folder. Fails with kNotFound.
Result<std::string> find_guest_program();

/// Starts `program` (hvis-loopback-guest) for this process alone: it ends with the calling thread,
/// hears no Ctrl+C of the terminal's, and has no descriptor of ours but the standard streams.
/// Before the process is confined.
Result<loopback::PowerLine> start_guest_program(const std::string& program);

}  // namespace hvis::worker

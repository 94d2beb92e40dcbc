#pragma once

#include <functional>
#include <string_view>

#include "worker/client/command_line.h"

namespace hvis::worker {

/// Where the client writes to; by default standard output and standard error.
struct ClientOutput {
    std::function<void(std::string_view)> out;
    std::function<void(std::string_view)> err;
    /// Writes to the process's own standard streams.
    static ClientOutput standard();
};

/// Carries out one client command and returns the exit status: 0 done, 1 failed or refused, 2
/// usage, 3 not found, 4 timed out, 5 service disabled or guest not connected. Blocks.
int run_client(const ClientOptions& options, const ClientOutput& output);

}  // namespace hvis::worker

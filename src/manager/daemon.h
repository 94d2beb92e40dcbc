#pragma once

#include <functional>
#include <string>

#include "base/result.h"
#include "control/failure.h"
#include "manager/api/http_limits.h"
#include "manager/config.h"

namespace hvis::manager {

/// Everything that one hvisd is told at its start.
struct DaemonSettings {
    Config config;
    std::string worker;  ///< path of hvis-vm
    std::string version;
    HttpLimits limits;
};

/// Runs until SIGTERM or SIGINT, which leave every VM running. SIGHUP calls `reload`, whose roles
/// are taken over. Returns why it could not begin; a second hvisd on the same directories is
/// refused.
Result<void, control::Failure> run_daemon(
    const DaemonSettings& settings,
    const std::function<Result<Config, control::Failure>()>& reload);

}  // namespace hvis::manager

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "manager/supervisor/supervisor.h"

namespace hvis::manager {

/// How workers are started, and why that way: hvisd's log and `hvis host` tell it.
struct LauncherChoice {
    enum class Kind : uint8_t {
        kSystem,  ///< units of the system's systemd
        kUser,    ///< units of the systemd of hvisd's user
        kChild,   ///< children in sessions of their own
    };
    Kind kind = Kind::kChild;
    std::string why;
    /// What to do where something better was to be expected, or empty.
    std::string hint;
};

/// What the choice depends on.
struct LauncherFacts {
    bool is_unit = false;  ///< hvisd is a unit of the systemd that runs this host
    bool is_root = false;
    std::string user_bus;  ///< where the systemd of hvisd's user can be asked
    bool has_user_bus = false;

    static LauncherFacts of_process();
};

/// kAuto takes a systemd that hvisd may ask, and children where there is none.
LauncherChoice choose_launcher(SupervisorConfig::Launcher wish, const LauncherFacts& facts);

/// "systemd", "systemd-user", "child".
std::string_view to_text(LauncherChoice::Kind kind);

}  // namespace hvis::manager

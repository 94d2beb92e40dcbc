#include "manager/supervisor/launcher_choice.h"

#include <cstdlib>

#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "manager/supervisor/bus.h"

namespace hvis::manager {

LauncherFacts LauncherFacts::of_process() {
    LauncherFacts facts;
    facts.is_unit = ::sd_booted() > 0 && ::getenv("INVOCATION_ID") != nullptr;
    facts.is_root = ::geteuid() == 0;
    facts.user_bus = Bus::user_socket();
    facts.has_user_bus = ::access(facts.user_bus.c_str(), F_OK) == 0;
    return facts;
}

LauncherChoice choose_launcher(SupervisorConfig::Launcher wish, const LauncherFacts& facts) {
    using enum LauncherChoice::Kind;
    const auto systemd = facts.is_root ? kSystem : kUser;
    switch (wish) {
        case SupervisorConfig::Launcher::kSystemd:
            return {systemd, "the configuration says so", {}};
        case SupervisorConfig::Launcher::kChild:
            return {kChild, "the configuration says so", {}};
        case SupervisorConfig::Launcher::kAuto:
            break;
    }
    if (!facts.is_unit) {
        return {kChild, "hvisd is no unit of a systemd that runs this host", {}};
    }
    if (facts.is_root) {
        return {systemd, "hvisd is root and a unit of the systemd that runs this host", {}};
    }
    if (facts.has_user_bus) {
        return {systemd, "the systemd of hvisd's user is asked on " + facts.user_bus, {}};
    }
    return {kChild, "the systemd of hvisd's user cannot be asked: there is no " + facts.user_bus,
            "install dbus-user-session, run 'loginctl enable-linger hvis' and restart hvisd"};
}

std::string_view to_text(LauncherChoice::Kind kind) {
    switch (kind) {
        case LauncherChoice::Kind::kSystem:
            return "systemd";
        case LauncherChoice::Kind::kUser:
            return "systemd-user";
        case LauncherChoice::Kind::kChild:
            return "child";
    }
    return "child";
}

}  // namespace hvis::manager

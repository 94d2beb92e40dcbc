#include <nlohmann/json.hpp>

#include "cli/doctor/check.h"
#include "control/show_fields.h"

namespace hvis::cli {
namespace {

/// sd_booted(3).
constexpr const char* kSystemdRuns = "/run/systemd/system";
/// Where logind keeps who lingers, and what dbus-user-session installs.
constexpr const char* kLingering = "/var/lib/systemd/linger/";
constexpr const char* kUserBus = "/usr/lib/systemd/user/dbus.socket";
/// worker_started and worker_adopted (docs/events.md): both tell the worker's process.
constexpr const char* kWorkerEvents = "7001,7002";

Check check_linger(const Host& host, const std::string& user) {
    if (host.exists(kLingering + user)) {
        return {"linger", CheckState::kOk, "systemd keeps the manager of user " + user + " up", ""};
    }
    return {"linger", CheckState::kWarning,
            "systemd ends what user " + user + " runs, VMs included, when nobody is logged in",
            "sudo loginctl enable-linger " + user};
}

Check check_user_bus(const Host& host) {
    if (host.exists(kUserBus)) {
        return {"dbus-user-session", CheckState::kOk, "users have a bus to their systemd", ""};
    }
    return {"dbus-user-session", CheckState::kWarning,
            "hvisd has no bus to its user's systemd, and cannot have it start workers",
            "apt-get install dbus-user-session, then: systemctl restart hvisd"};
}

/// The control group of the worker that was started or taken over last; empty when it has ended.
std::string group_of_last_worker(const Host& host, Api& api) {
    const auto events = api.get(
        Target("/events").with("id", kWorkerEvents).with("newest", "true").with("limit", "1"));
    if (!events) {
        return {};
    }
    const Json& list = control::member_of(**events, "events");
    if (!list.is_array() || list.empty()) {
        return {};
    }
    const std::string process = control::text_at(control::member_of(list.front(), "fields"), "pid");
    const bool number =
        !process.empty() && process.find_first_not_of("0123456789") == std::string::npos;
    return number ? host.read("/proc/" + process + "/cgroup") : std::string();
}

Check check_workers(const Host& host, Api& api) {
    const std::string group = group_of_last_worker(host, api);
    if (group.empty()) {
        return {"launcher", CheckState::kOk, "no worker runs that would show how it was started",
                ""};
    }
    if (group.find("hvis-vm@") != std::string::npos) {
        return {"launcher", CheckState::kOk, "workers are units of systemd", ""};
    }
    return {"launcher", CheckState::kWarning,
            "workers are processes of their own, not units of systemd",
            "unless hvisd.toml wants it (launcher = \"child\"): mend what follows, then "
            "systemctl restart hvisd; a VM changes over when it is next started"};
}

}  // namespace

std::vector<Check> check_launcher(const Host& host, Api& api) {
    const auto* local = std::get_if<UnixEndpoint>(&api.endpoint());
    const std::string user = local == nullptr ? "" : host.owner(local->path);
    if (user.empty()) {
        return {};  // hvisd is elsewhere, or does not run: check_manager tells that.
    }
    if (!host.exists(kSystemdRuns)) {
        return {{"launcher", CheckState::kOk,
                 "no systemd here: workers are processes in sessions of their own", ""}};
    }
    std::vector<Check> checks = {check_workers(host, api)};
    if (user != "root") {  // whose manager is the system's own
        checks.push_back(check_linger(host, user));
        checks.push_back(check_user_bus(host));
    }
    return checks;
}

}  // namespace hvis::cli

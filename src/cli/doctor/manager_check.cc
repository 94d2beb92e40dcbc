#include <algorithm>

#include <nlohmann/json.hpp>

#include "cli/doctor/check.h"
#include "control/show_fields.h"

namespace hvis::cli {
namespace {

constexpr const char* kGroup = "hvis";

Check check_reachable(Api& api) {
    const auto version = api.get(Target("/version"));
    if (!version) {
        return {"hvisd", CheckState::kMissing, version.error().message, version.error().hint};
    }
    const std::string theirs = control::text_at(**version, "version");
    if (theirs != HVIS_VERSION) {
        return {"hvisd", CheckState::kWarning,
                "hvisd is of version " + theirs + ", hvis of " HVIS_VERSION,
                "upgrade both; restarting hvisd touches no VM"};
    }
    return {"hvisd", CheckState::kOk,
            "hvisd " + theirs + " answers at " + to_string(api.endpoint()), ""};
}

Check check_group(const Host& host) {
    if (host.root) {
        return {"group", CheckState::kOk, "root needs no group", ""};
    }
    const auto groups = host.groups();
    if (std::ranges::find(groups, kGroup) != groups.end()) {
        return {"group", CheckState::kOk, "you are in the group hvis", ""};
    }
    return {"group", CheckState::kWarning, "you are not in the group hvis",
            "to steer the hvisd of the whole host: sudo usermod -aG hvis $USER, then log in anew; "
            "[roles] in hvisd.toml says what the group may do"};
}

}  // namespace

std::vector<Check> check_manager(const Host& host, Api& api) {
    std::vector<Check> checks = {check_reachable(api)};
    const auto* local = std::get_if<UnixEndpoint>(&api.endpoint());
    if (local != nullptr && local->path == kSystemSocket) {
        checks.push_back(check_group(host));
    }
    return checks;
}

}  // namespace hvis::cli

#include "manager/access_rules.h"

#include <charconv>

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>

namespace hvis::manager {
namespace {

using control::ErrorCode;
using control::Failure;
using control::make_failure;

/// A user's or group's number that the configuration gives as such.
std::optional<uint32_t> id_from(const std::string& text) {
    uint32_t number = 0;
    const char* end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, number);
    return error == std::errc() && rest == end ? std::optional(number) : std::nullopt;
}

}  // namespace

Result<AccessRules, Failure> access_rules(const Config::Roles& roles) {
    AccessRules rules;
    const auto unknown = [](const std::string& what, const std::string& name) {
        return std::unexpected(make_failure(ErrorCode::kUsage,
                                            fmt::format("this host has no {} \"{}\"", what, name),
                                            "look at [roles] in hvisd.toml"));
    };
    for (const auto& [name, role] : roles.users) {
        const auto number = id_from(name);
        const struct passwd* user =
            number ? nullptr : ::getpwnam(name.c_str());  // NOLINT(concurrency-mt-unsafe)
        if (!number && user == nullptr) {
            return unknown("user", name);
        }
        rules.users[number ? *number : user->pw_uid] = role;
    }
    for (const auto& [name, role] : roles.groups) {
        const auto number = id_from(name);
        const struct group* group =
            number ? nullptr : ::getgrnam(name.c_str());  // NOLINT(concurrency-mt-unsafe)
        if (!number && group == nullptr) {
            return unknown("group", name);
        }
        rules.groups[number ? *number : group->gr_gid] = role;
    }
    return rules;
}

}  // namespace hvis::manager

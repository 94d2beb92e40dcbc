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

Failure unknown(std::string_view key, std::string_view what, const std::string& name) {
    return make_failure(ErrorCode::kUsage,
                        fmt::format("{}: this host has no {} \"{}\"", key, what, name),
                        fmt::format("name one that it has in {} of hvisd.toml", key));
}

/// What is known of `roles`; the names that are not are added to `failures`.
AccessRules resolve(const Config::Roles& roles, std::vector<Failure>& failures) {
    AccessRules rules;
    for (const auto& [name, role] : roles.users) {
        const auto number = id_from(name);
        const struct passwd* user =
            number ? nullptr : ::getpwnam(name.c_str());  // NOLINT(concurrency-mt-unsafe)
        if (number || user != nullptr) {
            rules.users[number ? *number : user->pw_uid] = role;
        } else {
            failures.push_back(unknown("roles.users", "user", name));
        }
    }
    for (const auto& [name, role] : roles.groups) {
        const auto number = id_from(name);
        const struct group* group =
            number ? nullptr : ::getgrnam(name.c_str());  // NOLINT(concurrency-mt-unsafe)
        if (number || group != nullptr) {
            rules.groups[number ? *number : group->gr_gid] = role;
        } else {
            failures.push_back(unknown("roles.groups", "group", name));
        }
    }
    return rules;
}

}  // namespace

Result<AccessRules, Failure> access_rules(const Config::Roles& roles) {
    std::vector<Failure> failures;
    AccessRules rules = resolve(roles, failures);
    if (!failures.empty()) {
        return std::unexpected(std::move(failures.front()));
    }
    return rules;
}

std::vector<Failure> unknown_names(const Config::Roles& roles) {
    std::vector<Failure> failures;
    resolve(roles, failures);
    return failures;
}

Result<uint32_t, Failure> group_id(const std::string& name) {
    const struct group* group = ::getgrnam(name.c_str());  // NOLINT(concurrency-mt-unsafe)
    if (group == nullptr) {
        return std::unexpected(unknown("socket.group", "group", name));
    }
    return group->gr_gid;
}

}  // namespace hvis::manager

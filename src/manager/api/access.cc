#include "manager/api/access.h"

#include <algorithm>
#include <cctype>

#include "manager/api/problem.h"

namespace hvis::manager {
namespace {

/// RFC 6750, 3: with the way to get in.
HttpResponse unauthorized(std::string message) {
    HttpResponse response = problem(
        401, control::make_failure(control::ErrorCode::kFailed, std::move(message),
                                   "send Authorization: Bearer TOKEN; an administrator makes "
                                   "tokens with: hvis token create"));
    response.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"hvisd\"");
    return response;
}

bool starts_with_bearer(std::string_view text) {
    constexpr std::string_view kScheme = "bearer ";
    return text.size() > kScheme.size() &&
           std::ranges::equal(text.substr(0, kScheme.size()), kScheme, [](char left, char right) {
               return std::tolower(static_cast<unsigned char>(left)) == right;
           });
}

}  // namespace

Result<Access::Identity, Access::Refusal> Access::identify(const HttpRequest& request) const {
    if (!request.authorization.empty()) {
        return of_token(request.authorization);
    }
    if (request.peer) {
        return of_user(*request.peer);
    }
    return std::unexpected(unauthorized("no token was sent"));
}

bool Access::holds(const Claim& claim) const {
    if (claim.token) {
        const auto token = std::ranges::find(tokens_, *claim.token, &AccessToken::id);
        return token != tokens_.end() && token->role >= claim.needed;
    }
    const auto identity = claim.peer ? of_user(*claim.peer) : std::unexpected(HttpResponse());
    return identity && identity->caller.role >= claim.needed;
}

Result<Access::Identity, Access::Refusal> Access::of_token(std::string_view authorization) const {
    if (!starts_with_bearer(authorization)) {
        return std::unexpected(unauthorized("only bearer tokens are understood"));
    }
    std::string_view secret = authorization.substr(7);
    while (secret.starts_with(' ')) {
        secret.remove_prefix(1);
    }
    const Sha256 hash = sha256(secret);
    const AccessToken* found = nullptr;
    for (const AccessToken& token : tokens_) {
        // All are compared, so that the time does not tell which one was close.
        if (equal_secrets(hash, token.sha256)) {
            found = &token;
        }
    }
    if (found == nullptr) {
        return std::unexpected(unauthorized("the token is not valid"));
    }
    return Identity{.caller = {.name = "token " + found->name, .role = found->role},
                    .token = found->id};
}

std::optional<Role> Access::role_of(const PeerCredentials& peer) const {
    if (peer.user == 0 || peer.user == own_user_) {
        return Role::kAdministrator;
    }
    std::optional<Role> role;
    const auto raise = [&role](const auto& roles, auto id) {
        if (const auto found = roles.find(id); found != roles.end()) {
            role = std::max(role.value_or(found->second), found->second);
        }
    };
    raise(rules_.users, peer.user);
    for (const gid_t group : peer.groups) {
        raise(rules_.groups, group);
    }
    return role;
}

Result<Access::Identity, Access::Refusal> Access::of_user(const PeerCredentials& peer) const {
    const std::string name = "uid " + std::to_string(peer.user);
    const auto role = role_of(peer);
    if (!role) {
        return std::unexpected(problem(
            403,
            control::make_failure(
                control::ErrorCode::kFailed,
                name + " has no role: [roles] in hvisd.toml gives none to it or to its groups",
                "an administrator writes below [roles]: users = { " + std::to_string(peer.user) +
                    " = \"operator\" } or groups = { hvis = \"operator\" }, then: systemctl "
                    "reload hvisd")));
    }
    return Identity{.caller = {.name = name, .role = *role}, .token = {}};
}

}  // namespace hvis::manager

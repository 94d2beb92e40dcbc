#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "base/guid.h"
#include "base/result.h"
#include "manager/api/http_message.h"
#include "manager/api/secret.h"
#include "manager/role.h"

namespace hvis::manager {

/// Which local users may do what. Root and hvisd's own user are administrators whatever stands
/// here; who is not named may do nothing.
struct AccessRules {
    std::map<uid_t, Role> users;
    std::map<gid_t, Role> groups;
};

/// A bearer token as the http thread knows it.
struct AccessToken {
    Guid id;
    std::string name;
    Role role = Role::kViewer;
    Sha256 sha256{};
};

/// By what right something goes on after its request was let in: a token's, or a local user's.
struct Claim {
    std::optional<Guid> token;
    std::optional<PeerCredentials> peer;
    Role needed = Role::kViewer;
};

/// Tells who is asking. Each thread has one of its own.
class Access {
public:
    struct Identity {
        Caller caller;
        std::optional<Guid> token;
    };
    /// The answer to somebody who may not ask: 401 or 403.
    using Refusal = HttpResponse;

    Access(AccessRules rules, uid_t own_user) : rules_(std::move(rules)), own_user_(own_user) {}

    void set_rules(AccessRules rules) { rules_ = std::move(rules); }
    void set_tokens(std::vector<AccessToken> tokens) { tokens_ = std::move(tokens); }

    /// A token decides where one is given, also on the Unix socket; a wrong one never falls back to
    /// the user. Without one it is the user at the other end, of whose roles the highest counts.
    [[nodiscard]] Result<Identity, Refusal> identify(const HttpRequest& request) const;
    /// What the user at the other end of the local socket may do; nothing for one without a role.
    [[nodiscard]] std::optional<Role> role_of(const PeerCredentials& peer) const;
    /// Whether whoever was let in would be still.
    [[nodiscard]] bool holds(const Claim& claim) const;

private:
    [[nodiscard]] Result<Identity, Refusal> of_token(std::string_view authorization) const;
    [[nodiscard]] Result<Identity, Refusal> of_user(const PeerCredentials& peer) const;

    AccessRules rules_;
    uid_t own_user_;
    std::vector<AccessToken> tokens_;
};

}  // namespace hvis::manager

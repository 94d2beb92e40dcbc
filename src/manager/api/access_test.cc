#include "manager/api/access.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hvis::manager {
namespace {

constexpr uid_t kOwn = 991;

HttpRequest from(uid_t user, std::vector<gid_t> groups = {}) {
    HttpRequest request;
    request.peer = PeerCredentials{.user = user, .groups = std::move(groups)};
    return request;
}

HttpRequest with(const std::string& authorization) {
    HttpRequest request;
    request.authorization = authorization;
    return request;
}

Access some_access() {
    Access access({.users = {{1000, Role::kViewer}}, .groups = {{50, Role::kOperator}}}, kOwn);
    access.set_tokens({{.id = {}, .name = "ci", .role = Role::kOperator, .sha256 = sha256("one")},
                       {.id = {}, .name = "web", .role = Role::kViewer, .sha256 = sha256("two")}});
    return access;
}

TEST(Access, MakesRootAndItsOwnUserAdministrators) {
    const Access access({}, kOwn);
    EXPECT_EQ(access.identify(from(0))->caller.role, Role::kAdministrator);
    EXPECT_EQ(access.identify(from(kOwn))->caller.role, Role::kAdministrator);
}

TEST(Access, LetsNobodyElseInUnlessNamed) {
    const auto refused = Access({}, kOwn).identify(from(1000, {1000, 27}));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().status, 403U);
    EXPECT_THAT(refused.error().body, testing::HasSubstr("uid 1000 has no role: [roles]"));
    EXPECT_THAT(refused.error().body,
                testing::HasSubstr(R"(users = { 1000 = \"operator\" } or groups = { hvis = )"
                                   R"(\"operator\" }, then: systemctl reload hvisd)"));
}

TEST(Access, TakesTheHighestOfAUsersRoles) {
    const Access access = some_access();
    EXPECT_EQ(access.identify(from(1000))->caller.role, Role::kViewer);
    EXPECT_EQ(access.identify(from(1000, {7, 50}))->caller.role, Role::kOperator);
    EXPECT_EQ(access.identify(from(1001, {50}))->caller.name, "uid 1001");
}

TEST(Access, KnowsTokensByTheirHash) {
    const Access access = some_access();
    EXPECT_EQ(access.identify(with("Bearer one"))->caller.role, Role::kOperator);
    EXPECT_EQ(access.identify(with("bearer  two"))->caller.name, "token web");
}

TEST(Access, KnowsWhichClaimsStillHold) {
    constexpr Guid kToken = "11111111-2222-3333-4444-555555555555"_guid;
    Access access({.users = {{1000, Role::kOperator}}, .groups = {{50, Role::kViewer}}}, kOwn);
    access.set_tokens({{.id = kToken, .name = "ci", .role = Role::kOperator, .sha256 = {}}});
    const auto user = [](uid_t id, Role needed) {
        return Claim{
            .token = {}, .peer = PeerCredentials{.user = id, .groups = {50}}, .needed = needed};
    };
    const auto token = [&](Role needed) {
        // A token decides where one was given, whoever brought it.
        return Claim{.token = kToken, .peer = PeerCredentials{}, .needed = needed};
    };
    EXPECT_TRUE(access.holds(token(Role::kOperator)));
    EXPECT_FALSE(access.holds(token(Role::kAdministrator)));
    EXPECT_TRUE(access.holds(user(1000, Role::kOperator)));
    EXPECT_TRUE(access.holds(user(1001, Role::kViewer)));
    EXPECT_FALSE(access.holds({}));
    access.set_tokens({});
    EXPECT_FALSE(access.holds(token(Role::kViewer)));
    access.set_rules({.users = {{1000, Role::kViewer}}, .groups = {}});
    EXPECT_FALSE(access.holds(user(1000, Role::kOperator)));
    EXPECT_TRUE(access.holds(user(1000, Role::kViewer)));
    EXPECT_FALSE(access.holds(user(1001, Role::kViewer)));
    EXPECT_TRUE(access.holds(user(0, Role::kAdministrator)));
}

TEST(Access, RefusesWrongTokensAlsoOnTheUnixSocket) {
    const Access access = some_access();
    for (const char* authorization : {"Bearer three", "Bearer ", "Bearer", "Basic one", "one"}) {
        HttpRequest request = from(0);
        request.authorization = authorization;
        const auto refused = access.identify(request);
        ASSERT_FALSE(refused) << authorization;
        EXPECT_EQ(refused.error().status, 401U);
        EXPECT_EQ(refused.error().headers.front().first, "WWW-Authenticate");
    }
    EXPECT_EQ(access.identify({}).error().status, 401U);
}

TEST(Secret, HashesAndComparesAsOpensslDoes) {
    EXPECT_EQ(hex_text(sha256("abc")),
              "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(hash_from_hex(hex_text(sha256("abc"))), sha256("abc"));
    EXPECT_FALSE(hash_from_hex("ba78"));
    EXPECT_FALSE(hash_from_hex(std::string(64, 'g')));
    EXPECT_FALSE(equal_secrets(sha256("a"), sha256("b")));
    EXPECT_NE(*make_secret(), *make_secret());
    EXPECT_EQ(make_secret()->size(), 69U);
}

}  // namespace
}  // namespace hvis::manager

#include "ic/kvp_mirror.h"

#include <gtest/gtest.h>

namespace hvis::ic {
namespace {

using wire::KvpDelete;
using wire::KvpPool;
using wire::KvpRequest;
using wire::KvpSet;

KvpRequest set(const std::string& key, const std::string& value) {
    return KvpSet{.pool = KvpPool::kExternal, .pair = {key, value}};
}
KvpRequest remove(const std::string& key) {
    return KvpDelete{.pool = KvpPool::kExternal, .key = key};
}

/// One whose guest has taken {a=1}, which is not wanted any more.
KvpMirror mirror_with_a_pair_too_many() {
    KvpMirror mirror(KvpPool::kExternal);
    EXPECT_TRUE(mirror.want({{"a", "1"}}));
    mirror.answered(set("a", "1"), true);
    EXPECT_TRUE(mirror.want({}));
    return mirror;
}

TEST(KvpMirror, CarriesEachDifferenceOverOnce) {
    KvpMirror mirror(KvpPool::kExternal);
    ASSERT_TRUE(mirror.want({{"a", "1"}, {"b", "2"}}));
    EXPECT_EQ(mirror.next(), set("a", "1"));
    mirror.answered(set("a", "1"), true);
    EXPECT_EQ(mirror.next(), set("b", "2"));
    mirror.answered(set("b", "2"), true);
    ASSERT_TRUE(mirror.want({{"b", "3"}}));
    EXPECT_EQ(mirror.next(), set("b", "3"));
    mirror.answered(set("b", "3"), true);
    EXPECT_EQ(mirror.next(), remove("a"));
    mirror.answered(remove("a"), true);
    EXPECT_FALSE(mirror.next());
    EXPECT_FALSE(mirror.wants_retry());
}

TEST(KvpMirror, OffersARefusedPairAgainOnlyWhenToldTo) {
    KvpMirror mirror(KvpPool::kExternal);
    ASSERT_TRUE(mirror.want({{"a", "1"}}));
    mirror.answered(set("a", "1"), false);
    EXPECT_FALSE(mirror.next());
    EXPECT_TRUE(mirror.wants_retry());
    mirror.retry();
    EXPECT_EQ(mirror.next(), set("a", "1"));
}

TEST(KvpMirror, RemovesAgainWhatTheGuestDidNotLetGoOf) {
    KvpMirror mirror = mirror_with_a_pair_too_many();
    EXPECT_EQ(mirror.next(), remove("a"));
    mirror.answered(remove("a"), false);
    EXPECT_FALSE(mirror.next()) << "not at once";
    EXPECT_TRUE(mirror.wants_retry());
    mirror.retry();
    EXPECT_EQ(mirror.next(), remove("a"));
    mirror.answered(remove("a"), true);
    EXPECT_FALSE(mirror.next());
    EXPECT_FALSE(mirror.wants_retry());
}

TEST(KvpMirror, DoesNotRemoveWhatIsWantedAgain) {
    KvpMirror mirror = mirror_with_a_pair_too_many();
    mirror.answered(remove("a"), false);
    ASSERT_TRUE(mirror.want({{"a", "1"}}));
    EXPECT_FALSE(mirror.next()) << "the guest still has it";
    EXPECT_FALSE(mirror.wants_retry());
    ASSERT_TRUE(mirror.want({}));
    EXPECT_EQ(mirror.next(), remove("a")) << "a change";
}

TEST(KvpMirror, ForgetsRefusalsWithTheGuestThatMadeThem) {
    KvpMirror mirror = mirror_with_a_pair_too_many();
    mirror.answered(remove("a"), false);
    mirror.guest_changed();
    EXPECT_FALSE(mirror.next());
    EXPECT_FALSE(mirror.wants_retry());
}

}  // namespace
}  // namespace hvis::ic

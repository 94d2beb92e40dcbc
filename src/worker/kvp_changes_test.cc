#include "worker/kvp_changes.h"

#include <array>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hvis::worker {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(KvpChanges, TellsWhatWasAddedChangedAndRemovedOnce) {
    KvpChanges changes(KvpPairs{{"a", "1"}, {"b", "2"}, {"c", "3"}});
    const KvpPairs now = {{"a", "1"}, {"b", "4"}, {"d", "5"}};
    EXPECT_THAT(changes.take(now, 10), ElementsAre(KvpChange{"b", "4"}, KvpChange{"d", "5"},
                                                   KvpChange{"c", std::nullopt}));
    EXPECT_THAT(changes.take(now, 10), IsEmpty());
}

TEST(KvpChanges, TellsEverythingToAWatcherThatKnowsNothing) {
    KvpChanges changes;
    EXPECT_THAT(changes.take({{"a", ""}}, 10), ElementsAre(KvpChange{"a", ""}));
}

TEST(KvpChanges, TellsAsManyAtATimeAsItMay) {
    KvpPairs now;
    for (int i = 0; i < 10; ++i) {
        now[std::to_string(i)] = "v";
    }
    KvpChanges changes;
    EXPECT_THAT(changes.take(now, 4), SizeIs(4));
    EXPECT_THAT(changes.take(now, 4), SizeIs(4));
    EXPECT_THAT(changes.take(now, 4), ElementsAre(KvpChange{"8", "v"}, KvpChange{"9", "v"}));
    EXPECT_THAT(changes.take({}, 4), SizeIs(4)) << "removals too";
}

TEST(MergeListing, KeepsWhatAnIncompleteListingDoesNotHave) {
    const KvpPairs known = {{"a", "1"}, {"b", "2"}};
    const std::array<ic::KvpPair, 1> listing = {{{"b", "3"}}};
    EXPECT_EQ(merge_listing(known, listing, true), (KvpPairs{{"b", "3"}}));
    EXPECT_EQ(merge_listing(known, listing, false), (KvpPairs{{"a", "1"}, {"b", "3"}}));
}

TEST(MergeListing, DoesNotGrowBeyondAListing) {
    KvpPairs known;
    for (uint32_t i = 0; i < ic::KvpJob::kMaxPairs; ++i) {
        known["key" + std::to_string(i)] = "v";
    }
    const std::array<ic::KvpPair, 2> listing = {{{"new", "1"}, {"key0", "2"}}};
    const auto merged = merge_listing(known, listing, false);
    EXPECT_EQ(merged.size(), ic::KvpJob::kMaxPairs);
    EXPECT_FALSE(merged.contains("new"));
    EXPECT_EQ(merged.at("key0"), "2");
}

}  // namespace
}  // namespace hvis::worker

#include "manager/store/event_numbers.h"

#include <set>

#include <gtest/gtest.h>

#include "manager/store/store.h"
#include "manager/store/test_file.h"

namespace hvis::manager {
namespace {

constexpr uint64_t kBatch = 1000;

std::unique_ptr<Store> open_in(const TestFolder& folder, const std::string& boot) {
    return must(Store::open(folder.file(), 0, boot));
}

std::vector<uint64_t> append(Store& store, size_t count = 1) {
    std::vector<StoredEvent> events(count);
    must(store.append_events(events, {}));
    std::vector<uint64_t> numbers;
    for (const StoredEvent& event : events) {
        numbers.push_back(event.sequence);
    }
    return numbers;
}

/// What a disk has of the database: an end without notice leaves the file and its log.
void copy_disk(const TestFolder& from, const TestFolder& to) {
    for (const std::string suffix : {"", "-wal"}) {
        std::filesystem::copy_file(from.file() + suffix, to.file() + suffix,
                                   std::filesystem::copy_options::overwrite_existing);
    }
}

std::string mark_in(Store& store) { return must(store.setting("events.reserved")).value_or(""); }

TEST(EventNumbers, AreNotGivenAgainWhenTheHostHasLostItsPower) {
    const TestFolder folder;
    const TestFolder disk;
    const auto store = open_in(folder, "first");
    EXPECT_EQ(append(*store).back(), 1U) << "which waits for the disk, with the mark";
    copy_disk(folder, disk);
    std::set<uint64_t> given;
    for (uint64_t batch = 0; batch < EventNumbers::kBlock / kBatch; ++batch) {
        const auto numbers = append(*store, kBatch);
        given.insert(numbers.begin(), numbers.end());
    }
    EXPECT_EQ(given.size(), EventNumbers::kBlock) << "a whole block after what the disk has";
    const auto after = open_in(disk, "second");
    EXPECT_EQ(must(after->last_event()), 1U) << "the rest is lost";
    const auto numbers = append(*after, kBatch);
    for (const uint64_t number : numbers) {
        EXPECT_FALSE(given.contains(number)) << number;
    }
    EXPECT_EQ(numbers.front(), *given.rbegin() + 1) << "and no more is left out than must be";
}

TEST(EventNumbers, AreNotGivenAgainWhateverTheDiskHas) {
    const TestFolder folder;
    const auto store = open_in(folder, "first");
    uint64_t newest = append(*store).back();
    for (uint64_t batch = 0; batch < 3 * EventNumbers::kBlock / kBatch; ++batch) {
        // The disk has at least what the last commit that waited for it has brought.
        const TestFolder disk;
        copy_disk(folder, disk);
        const std::string mark = mark_in(*store);
        newest = append(*store, kBatch).back();
        if (mark_in(*store) == mark) {
            EXPECT_GT(append(*open_in(disk, "second")).front(), newest);
        }
    }
    EXPECT_EQ(newest, 3 * EventNumbers::kBlock + 1);
}

TEST(EventNumbers, AreNotGivenAgainAfterTwoLossesInARow) {
    const TestFolder folder;
    const TestFolder disk;
    const TestFolder later;
    const auto store = open_in(folder, "first");
    append(*store);
    copy_disk(folder, disk);
    append(*store, kBatch);
    {
        const auto second = open_in(disk, "second");
        // Nothing was appended in this life, and it ends in good order.
    }
    const auto third = open_in(disk, "third");
    const uint64_t number = append(*third).back();
    EXPECT_GT(number, kBatch + 1);
    copy_disk(disk, later);
    const uint64_t newest = append(*third, kBatch).back();
    EXPECT_EQ(newest, number + kBatch);
    EXPECT_GT(append(*open_in(later, "fourth")).back(), newest);
}

TEST(EventNumbers, GoOnWithoutAGapWhenOnlyHvisdEnded) {
    const TestFolder folder;
    const TestFolder killed;
    auto store = open_in(folder, "first");
    EXPECT_EQ(append(*store, 5).back(), 5U);
    copy_disk(folder, killed);
    EXPECT_EQ(append(*open_in(killed, "first")).back(), 6U) << "killed";
    store.reset();
    store = open_in(folder, "second");
    EXPECT_EQ(append(*store).back(), 6U) << "ended in good order, before the host did";
}

TEST(EventNumbers, LeaveABlockOutWhereNobodyKnowsWhetherThePowerWasLost) {
    const TestFolder folder;
    const TestFolder disk;
    const auto store = open_in(folder, "");
    append(*store);
    copy_disk(folder, disk);
    EXPECT_GT(append(*open_in(disk, "")).back(), EventNumbers::kBlock);
}

TEST(EventNumbers, AreReservedInBlocksNotForEachEvent) {
    const TestFolder folder;
    const auto store = open_in(folder, "first");
    std::set<std::string> marks;
    for (uint64_t batch = 0; batch < 2 * EventNumbers::kBlock / kBatch; ++batch) {
        append(*store, kBatch);
        marks.insert(mark_in(*store));
    }
    EXPECT_LE(marks.size(), 3U);
}

}  // namespace
}  // namespace hvis::manager

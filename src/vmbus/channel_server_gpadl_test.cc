#include "vmbus/channel_server_fixture.h"

namespace hvis::vmbus {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using wire::HostMessage;

HostMessage created(uint32_t gpadl, uint32_t status, uint32_t relid = 1) {
    return wire::GpadlCreated{.relid = relid, .gpadl = gpadl, .status = status};
}
HostMessage torndown_of(uint32_t gpadl) { return wire::GpadlTorndown{gpadl}; }

/// A GPADL of one range with this many pages, as Linux cuts it into messages.
std::vector<wire::GuestMessage> gpadl_messages(uint32_t gpadl, uint32_t pages) {
    std::vector<uint64_t> words = {uint64_t{pages} * 4096};
    for (uint64_t page = 0; page < pages; ++page) {
        words.push_back(page + 0x10000);
    }
    std::vector<wire::GuestMessage> messages;
    size_t position = std::min(words.size(), wire::kMaxGpadlHeaderWords);
    messages.emplace_back(wire::GpadlHeader{
        .relid = 1,
        .gpadl = gpadl,
        .range_buffer_size = static_cast<uint16_t>(words.size() * 8),
        .range_count = 1,
        .words = {words.begin(), words.begin() + static_cast<ptrdiff_t>(position)}});
    while (position < words.size()) {
        const size_t count = std::min(words.size() - position, wire::kMaxGpadlBodyWords);
        const auto from = words.begin() + static_cast<ptrdiff_t>(position);
        messages.emplace_back(
            wire::GpadlBody{.gpadl = gpadl, .words = {from, from + static_cast<ptrdiff_t>(count)}});
        position += count;
    }
    return messages;
}

class GpadlTest : public ChannelServerTest {
protected:
    void SetUp() override {
        id_ = add(kScsiInterface, 1);
        connect();
    }
    OfferId id_;
};

TEST_F(GpadlTest, CollectsABodyFromManyMessages) {
    for (const uint32_t pages : {1U, 26U, 27U, 54U, 55U, 512U, 8190U}) {
        for (const auto& message : gpadl_messages(pages, pages)) {
            EXPECT_THAT(messages(), IsEmpty());
            ASSERT_TRUE(post(message)) << pages;
        }
        EXPECT_THAT(messages(), ElementsAre(created(pages, 0)));
        EXPECT_THAT(effects(),
                    ElementsAre(ServerEffect(GpadlCreated{.offer = id_, .gpadl = pages})));
        const auto* gpadl = server_.gpadl(id_, pages);
        ASSERT_NE(gpadl, nullptr);
        ASSERT_EQ(gpadl->memory.pages.size(), pages);
        EXPECT_EQ(gpadl->memory.pages.back(), 0x10000U + pages - 1);
    }
}

TEST_F(GpadlTest, TakesManyRanges) {
    ASSERT_TRUE(post(wire::GpadlHeader{.relid = 1,
                                       .gpadl = 5,
                                       .range_buffer_size = 5 * 8,
                                       .range_count = 2,
                                       .words = {4096, 1, uint64_t{100} << 32U | 4096, 2, 3}}));
    EXPECT_EQ(server_.gpadl(id_, 5)->memory.ranges.size(), 2U);
    EXPECT_EQ(server_.gpadl(OfferId{99}, 5), nullptr) << "somebody else's";
}

// Weak spot of other hosts: an assertion on a body for a GPADL that is complete.
TEST_F(GpadlTest, IgnoresAnExtraBody) {
    for (const auto& message : gpadl_messages(5, 40)) {
        ASSERT_TRUE(post(message));
    }
    forget_output();
    const wire::GpadlBody extra{.gpadl = 5, .words = {1, 2, 3}};
    EXPECT_EQ(post(extra).error().code, Errc::kNotFound);
    EXPECT_THAT(messages(), IsEmpty());
    EXPECT_EQ(server_.gpadl(id_, 5)->memory.pages.size(), 40U);
}

TEST_F(GpadlTest, IgnoresABodyWithoutAHeaderAndWordsTooMany) {
    EXPECT_FALSE(post(wire::GpadlBody{.gpadl = 6, .words = {1}}));
    EXPECT_THAT(messages(), IsEmpty());
    auto all = gpadl_messages(5, 30);
    std::get<wire::GpadlBody>(all[1]).words.resize(wire::kMaxGpadlBodyWords, 0xdead);
    for (const auto& message : all) {
        ASSERT_TRUE(post(message));
    }
    EXPECT_THAT(messages(), ElementsAre(created(5, 0)));
    EXPECT_EQ(server_.gpadl(id_, 5)->memory.pages.size(), 30U);
}

TEST_F(GpadlTest, TakesBodiesWithoutLookingAtTheirNumber) {
    auto all = gpadl_messages(5, 100);
    for (auto& message : all) {
        if (auto* body = std::get_if<wire::GpadlBody>(&message)) {
            body->message_number = 0;  // Linux never sets it.
        }
        ASSERT_TRUE(post(message));
    }
    EXPECT_THAT(messages(), ElementsAre(created(5, 0)));
}

// Weak spots of other hosts: a range buffer shorter than its range wrapped around to a giant
// allocation; counts and offsets went unchecked.
TEST_F(GpadlTest, RefusesHeadersThatLie) {
    const wire::GpadlHeader good = ring_header(1, 5);
    std::vector<wire::GpadlHeader> bad(10, good);
    bad[0].range_buffer_size = 0;
    bad[1].range_buffer_size = 7;
    bad[2].range_buffer_size = 8;
    bad[3].range_count = 0;
    bad[4].range_count = 0xffff;
    bad[5].words[0] = 0;
    bad[6].words[0] = uint64_t{4096} << 32U | 4096;
    bad[7].words[0] = uint64_t{0xffffffff} << 32U | 0xffffffff;
    bad[8].words[0] -= 4096;
    bad[9].words[0] += 4096;
    for (const auto& header : bad) {
        EXPECT_EQ(post(header).error().code, Errc::kInvalid);
        EXPECT_THAT(messages(), ElementsAre(created(5, wire::kNtInvalidParameter)));
        EXPECT_THAT(effects(), IsEmpty());
        EXPECT_EQ(server_.gpadl(id_, 5), nullptr);
    }
    EXPECT_TRUE(post(good)) << "the handle is free";
}

TEST_F(GpadlTest, RefusesALieThatShowsInTheLastBody) {
    auto all = gpadl_messages(5, 30);
    std::get<wire::GpadlHeader>(all[0]).words[0] = 4096;
    ASSERT_TRUE(post(all[0]));
    EXPECT_EQ(post(all[1]).error().code, Errc::kInvalid);
    EXPECT_THAT(messages(), ElementsAre(created(5, wire::kNtInvalidParameter)));
    EXPECT_FALSE(post(all[1])) << "it is gone";
}

TEST_F(GpadlTest, RefusesAHandleInUse) {
    ASSERT_TRUE(post(ring_header(1, 5)));
    forget_output();
    EXPECT_FALSE(post(ring_header(1, 5)));
    EXPECT_THAT(messages(), ElementsAre(created(5, wire::kNtInvalidParameter)));
    EXPECT_NE(server_.gpadl(id_, 5), nullptr);
    ASSERT_TRUE(post(gpadl_messages(6, 100)[0]));
    EXPECT_FALSE(post(gpadl_messages(6, 100)[0])) << "unfinished counts too";
}

TEST_F(GpadlTest, RefusesChannelsThatAreNotThere) {
    for (const uint32_t relid : {0U, 2U, 2048U, 0xffffffffU}) {
        EXPECT_FALSE(post(ring_header(relid, 5)));
        EXPECT_THAT(messages(), ElementsAre(created(5, wire::kNtUnsuccessful, relid)));
    }
}

TEST_F(GpadlTest, DependsOnThePhaseOfTheChannel) {
    for (const auto from : kAllPhases) {
        server_ = ChannelServer({.processor_count = kProcessors});
        const auto id = add(kScsiInterface, 1);
        connect();
        bring_to(id, from);
        const bool accepted = accepts_gpadls(from);
        EXPECT_EQ(post(ring_header(1, 5)).has_value(), accepted) << to_string(from);
        EXPECT_THAT(messages(), ElementsAre(created(5, accepted ? 0 : wire::kNtUnsuccessful)));
    }
}

TEST_F(GpadlTest, RefusesWhatIsFinishedAfterARescind) {
    const auto all = gpadl_messages(5, 30);
    ASSERT_TRUE(post(all[0]));
    ASSERT_TRUE(server_.rescind(id_));
    forget_output();
    EXPECT_EQ(post(all[1]).error().code, Errc::kState);
    EXPECT_THAT(messages(), ElementsAre(created(5, wire::kNtUnsuccessful)));
    EXPECT_THAT(effects(), IsEmpty());
}

// Weak spot of another host: no limit on GPADLs, finished or not.
TEST_F(GpadlTest, BoundsUnfinishedGpadls) {
    for (uint32_t handle = 0; handle < kMaxGpadlsInProgress; ++handle) {
        ASSERT_TRUE(post(gpadl_messages(handle, 100)[0]));
    }
    EXPECT_EQ(post(gpadl_messages(0xffff, 100)[0]).error().code, Errc::kLimit);
    EXPECT_THAT(messages(), ElementsAre(created(0xffff, wire::kNtInsufficientResources)));
}

TEST_F(GpadlTest, BoundsGpadls) {
    for (uint32_t handle = 0; handle < kMaxGpadls; ++handle) {
        ASSERT_TRUE(server_.handle_message(4, wire::format_message(ring_header(1, handle))));
        forget_output();
    }
    EXPECT_EQ(post(ring_header(1, kMaxGpadls)).error().code, Errc::kLimit);
    EXPECT_THAT(messages(), ElementsAre(created(kMaxGpadls, wire::kNtInsufficientResources)));
    ASSERT_TRUE(post(wire::GpadlTeardown{.relid = 1, .gpadl = 7}));
    EXPECT_TRUE(post(ring_header(1, 7)));
}

TEST_F(GpadlTest, BoundsTheirSizeByWhatIsAnnounced) {
    uint32_t handle = 0;
    for (size_t words = 0; words + 8191 <= kMaxGpadlWords; words += 8191) {
        ASSERT_TRUE(post(gpadl_messages(handle++, 8190)[0]));
    }
    EXPECT_EQ(post(gpadl_messages(handle, 8190)[0]).error().code, Errc::kLimit);
    EXPECT_THAT(messages(), ElementsAre(created(handle, wire::kNtInsufficientResources)));
}

TEST_F(GpadlTest, TakesNoMoreMemoryAtTheLimitThanIsSaid) {
    GpadlTable table;
    std::vector<uint64_t> words;
    constexpr uint16_t kRanges = 4095;
    for (uint64_t page = 0; page < kRanges; ++page) {
        words.push_back(4096);
        words.push_back(page);
    }
    const auto fill = [&](uint32_t handle) {
        auto progress = table.begin(
            id_, {.relid = 1,
                  .gpadl = handle,
                  .range_buffer_size = static_cast<uint16_t>(words.size() * sizeof(uint64_t)),
                  .range_count = kRanges,
                  .words = {words.begin(), words.begin() + 2}});
        // In small pieces, which is how a list grows past its size.
        for (size_t at = 2; progress && at < words.size(); at += 4) {
            const auto from = words.begin() + static_cast<ptrdiff_t>(at);
            progress = table.append({.gpadl = handle, .words = {from, from + 4}});
        }
        return progress;
    };
    uint32_t handle = 0;
    auto progress = fill(handle);
    for (; progress; progress = fill(++handle)) {
        ASSERT_EQ(*progress, GpadlProgress::kComplete);
    }
    EXPECT_EQ(progress.error().code, Errc::kLimit);
    EXPECT_GT(table.words() + words.size(), kMaxGpadlWords);
    size_t bytes = 0;
    for (uint32_t each = 0; each < handle; ++each) {
        const auto& memory = table.find(each)->memory;
        bytes += (memory.ranges.capacity() * sizeof(wire::GpaRange)) +
                 (memory.pages.capacity() * sizeof(uint64_t));
    }
    EXPECT_LE(bytes, kMaxGpadlBytes);
}

TEST_F(GpadlTest, AsksTheDeviceForWhatAnOpenChannelUses) {
    bring_to(id_, ChannelPhase::kOpen);
    ASSERT_TRUE(post(ring_header(1, 5)));
    forget_output();
    ASSERT_TRUE(post(wire::GpadlTeardown{.relid = 1, .gpadl = 5}));
    EXPECT_THAT(effects(), ElementsAre(ServerEffect(ReleaseGpadl{.offer = id_, .gpadl = 5})));
    EXPECT_FALSE(post(wire::GpadlTeardown{.relid = 1, .gpadl = 5})) << "asked before";
    EXPECT_THAT(messages(), IsEmpty());
    server_.gpadl_released(id_, 5);
    EXPECT_THAT(messages(), ElementsAre(torndown_of(5)));
    server_.gpadl_released(id_, 5);
    server_.gpadl_released(OfferId{99}, 5);
    EXPECT_THAT(messages(), IsEmpty());
}

TEST_F(GpadlTest, KeepsTheRingOfAnOpenChannelUntilItCloses) {
    bring_to(id_, ChannelPhase::kOpen);
    ASSERT_TRUE(post(wire::GpadlTeardown{.relid = 1, .gpadl = kRingGpadl}));
    EXPECT_THAT(effects(), IsEmpty());
    server_.gpadl_released(id_, kRingGpadl);
    EXPECT_THAT(messages(), IsEmpty());
    ASSERT_TRUE(post(wire::CloseChannel{1}));
    server_.channel_closed(id_);
    EXPECT_THAT(messages(), ElementsAre(torndown_of(kRingGpadl)));
}

TEST_F(GpadlTest, TearsDownAllThatWaitsWhenTheDeviceCloses) {
    bring_to(id_, ChannelPhase::kOpen);
    ASSERT_TRUE(post(ring_header(1, 5)));
    ASSERT_TRUE(post(wire::GpadlTeardown{.relid = 1, .gpadl = 5}));
    ASSERT_TRUE(post(wire::CloseChannel{1}));
    ASSERT_TRUE(post(wire::GpadlTeardown{.relid = 1, .gpadl = kRingGpadl}));
    forget_output();
    server_.channel_closed(id_);
    EXPECT_THAT(messages(), ElementsAre(torndown_of(5), torndown_of(kRingGpadl)));
}

TEST_F(GpadlTest, IgnoresTeardownsOfWhatTheChannelDoesNotHave) {
    add(kHeartbeatInterface, 1);
    ASSERT_TRUE(post(ring_header(1, 5)));
    ASSERT_TRUE(post(gpadl_messages(6, 100)[0]));
    forget_output();
    EXPECT_FALSE(post(wire::GpadlTeardown{.relid = 2, .gpadl = 5})) << "another channel's";
    EXPECT_FALSE(post(wire::GpadlTeardown{.relid = 1, .gpadl = 6})) << "unfinished";
    EXPECT_FALSE(post(wire::GpadlTeardown{.relid = 1, .gpadl = 7})) << "unknown";
    EXPECT_THAT(messages(), IsEmpty());
}

TEST_F(GpadlTest, TearsDownInEveryPhase) {
    for (const auto from : kAllPhases) {
        server_ = ChannelServer({.processor_count = kProcessors});
        const auto id = add(kScsiInterface, 1);
        connect();
        ASSERT_TRUE(post(ring_header(1, 5)));
        bring_to(id, from);
        const auto result = post(wire::GpadlTeardown{.relid = 1, .gpadl = 5});
        const bool gone = from == ChannelPhase::kUnoffered || from == ChannelPhase::kReleased;
        EXPECT_EQ(result.has_value(), !gone) << to_string(from);
        const bool attached = device_is_attached(from);
        EXPECT_EQ(messages().size(), gone || attached ? 0U : 1U) << to_string(from);
        EXPECT_TRUE(server_.consistent());
    }
}

}  // namespace
}  // namespace hvis::vmbus

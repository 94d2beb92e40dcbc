#include "vmbus/channel_server_fixture.h"

namespace hvis::vmbus {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using wire::HostMessage;

HostMessage open_result_of(uint32_t relid, uint32_t status) {
    return wire::OpenChannelResult{.relid = relid, .open_id = relid + 100, .status = status};
}
HostMessage torndown_of(uint32_t gpadl) { return wire::GpadlTorndown{gpadl}; }

TEST_F(ChannelServerTest, OpensAChannelWithItsTwoRings) {
    const auto id = add(kHeartbeatInterface, 1);
    connect();
    ASSERT_TRUE(post(ring_header(relid(id))));
    EXPECT_THAT(messages(), ElementsAre(HostMessage(wire::GpadlCreated{
                                .relid = relid(id), .gpadl = kRingGpadl, .status = 0})));
    (void)effects();
    auto request = open_request(relid(id));
    request.user_data[5] = std::byte{0x55};
    ASSERT_TRUE(post(request));
    EXPECT_THAT(messages(), IsEmpty()) << "the device has not answered";
    EXPECT_THAT(
        effects(),
        ElementsAre(ServerEffect(OpenChannel{.offer = id,
                                             .relid = relid(id),
                                             .connection_id = 0x2001,
                                             .target_vp = 1,
                                             .sint = 2,
                                             .event_flag = 1,
                                             .ring_gpadl = kRingGpadl,
                                             .incoming_pages = {0x1000, 0x1001, 0x1002, 0x1003},
                                             .outgoing_pages = {0x1004, 0x1005},
                                             .user_data = request.user_data})));
    server_.open_result(id, wire::kNtSuccess);
    EXPECT_THAT(messages(), ElementsAre(open_result_of(relid(id), 0)));
    EXPECT_EQ(phase(id), ChannelPhase::kOpen);
    server_.open_result(id, wire::kNtUnsuccessful);
    EXPECT_THAT(messages(), IsEmpty()) << "answered once";
}

TEST_F(ChannelServerTest, TellsTheGuestWhenADeviceCannotOpen) {
    const auto id = add(kHeartbeatInterface, 1);
    connect();
    bring_to(id, ChannelPhase::kOpening);
    server_.open_result(id, wire::kNtUnsuccessful);
    EXPECT_THAT(messages(), ElementsAre(open_result_of(relid(id), wire::kNtUnsuccessful)));
    EXPECT_EQ(phase(id), ChannelPhase::kOffered);
    ASSERT_TRUE(post(wire::GpadlTeardown{.relid = relid(id), .gpadl = kRingGpadl}));
    EXPECT_THAT(messages(), ElementsAre(torndown_of(kRingGpadl)));
}

TEST_F(ChannelServerTest, RefusesToOpenOnBadRings) {
    const auto id = add(kHeartbeatInterface, 1);
    const auto other = add(kScsiInterface, 1);
    connect();
    ASSERT_TRUE(post(ring_header(relid(id))));
    ASSERT_TRUE(post(ring_header(relid(other), 77)));
    auto unaligned = ring_header(relid(id), 78);
    unaligned.words[0] -= 8;
    ASSERT_TRUE(post(unaligned));
    auto shifted = ring_header(relid(id), 79);
    shifted.words[0] = uint64_t{8} << 32U | (uint64_t{kRingPages} * 4096 - 8);
    ASSERT_TRUE(post(shifted));
    auto two_ranges = ring_header(relid(id), 80);
    two_ranges.range_count = 2;
    two_ranges.words = {2 * 4096, 1, 2, 3 * 4096, 3, 4, 5};
    ASSERT_TRUE(post(two_ranges));
    forget_output();
    std::vector<wire::OpenChannel> bad;
    for (const uint32_t gpadl : {1U, 77U, 78U, 79U, 80U}) {
        bad.push_back(open_request(relid(id), gpadl));
    }
    for (const uint32_t split : {0U, 1U, 5U, 6U, 7U, 0xffffffffU}) {
        bad.push_back(open_request(relid(id)));
        bad.back().downstream_page_offset = split;
    }
    bad.push_back(open_request(relid(id)));
    bad.back().target_vp = kProcessors;
    for (const auto& request : bad) {
        EXPECT_FALSE(post(request));
        EXPECT_THAT(messages(), ElementsAre(open_result_of(relid(id), wire::kNtInvalidParameter)));
        EXPECT_THAT(effects(), IsEmpty());
        EXPECT_EQ(phase(id), ChannelPhase::kOffered);
    }
    EXPECT_TRUE(post(open_request(relid(id))));
}

TEST_F(ChannelServerTest, RefusesToOpenWhatItDoesNotOffer) {
    connect();
    for (const uint32_t number : {0U, 1U, 2047U, 2048U, 0xffffffffU}) {
        EXPECT_FALSE(post(open_request(number)));
        EXPECT_THAT(messages(), ElementsAre(open_result_of(number, wire::kNtInvalidParameter)));
    }
}

TEST_F(ChannelServerTest, ReleasesTheRingOnceTheDeviceHasClosed) {
    const auto id = add(kHeartbeatInterface, 1);
    connect();
    bring_to(id, ChannelPhase::kOpen);
    ASSERT_TRUE(post(wire::CloseChannel{relid(id)}));
    EXPECT_THAT(effects(), ElementsAre(ServerEffect(CloseChannel{id})));
    ASSERT_TRUE(post(wire::GpadlTeardown{.relid = relid(id), .gpadl = kRingGpadl}));
    EXPECT_THAT(messages(), IsEmpty());
    server_.channel_closed(id);
    EXPECT_THAT(messages(), ElementsAre(torndown_of(kRingGpadl)));
    EXPECT_EQ(phase(id), ChannelPhase::kOffered);
    server_.channel_closed(id);
    EXPECT_EQ(phase(id), ChannelPhase::kOffered) << "closed twice: nothing";
}

TEST_F(ChannelServerTest, OpensAgain) {
    const auto id = add(kHeartbeatInterface, 1);
    connect();
    for (int round = 0; round < 3; ++round) {
        bring_to(id, ChannelPhase::kOpen);
        ASSERT_TRUE(post(wire::CloseChannel{relid(id)}));
        server_.channel_closed(id);
        ASSERT_TRUE(post(wire::GpadlTeardown{.relid = relid(id), .gpadl = kRingGpadl}));
        EXPECT_THAT(messages(), ElementsAre(torndown_of(kRingGpadl)));
    }
}

TEST_F(ChannelServerTest, OpensAgainWhenAskedToWhileClosing) {
    const auto id = add(kHeartbeatInterface, 1);
    connect();
    bring_to(id, ChannelPhase::kReopening);
    server_.channel_closed(id);
    EXPECT_EQ(phase(id), ChannelPhase::kOpening);
    EXPECT_THAT(effects(), SizeIs(1));
    server_.open_result(id, wire::kNtSuccess);
    EXPECT_THAT(messages(), ElementsAre(open_result_of(relid(id), 0)));
}

TEST_F(ChannelServerTest, RefusesToReopenOnARingThatWasTornDown) {
    const auto id = add(kHeartbeatInterface, 1);
    connect();
    bring_to(id, ChannelPhase::kReopening);
    ASSERT_TRUE(post(wire::GpadlTeardown{.relid = relid(id), .gpadl = kRingGpadl}));
    server_.channel_closed(id);
    EXPECT_EQ(phase(id), ChannelPhase::kOffered);
    EXPECT_THAT(messages(), ElementsAre(torndown_of(kRingGpadl),
                                        open_result_of(relid(id), wire::kNtInvalidParameter)));
}

TEST_F(ChannelServerTest, DropsALateOpenResult) {
    const auto id = add(kHeartbeatInterface, 1);
    connect();
    bring_to(id, ChannelPhase::kOpening);
    ASSERT_TRUE(post(wire::CloseChannel{relid(id)}));
    server_.open_result(id, wire::kNtSuccess);
    EXPECT_EQ(phase(id), ChannelPhase::kClosing);
    EXPECT_THAT(messages(), IsEmpty());
    server_.channel_closed(id);
    EXPECT_EQ(phase(id), ChannelPhase::kOffered);
    server_.open_result(OfferId{99}, 0);
    server_.channel_closed(OfferId{99});
}

TEST_F(ChannelServerTest, TakesAnOpenInEveryPhase) {
    for (const auto from : kAllPhases) {
        server_ = ChannelServer({.processor_count = kProcessors});
        const auto id = add(kScsiInterface, 1);
        connect();
        const uint32_t number = relid(id);
        bring_to(id, from);
        const auto result = post(open_request(number));
        switch (from) {
            case ChannelPhase::kUnoffered:
            case ChannelPhase::kReleased:
            case ChannelPhase::kOffered:  // without a GPADL
                EXPECT_THAT(messages(),
                            ElementsAre(open_result_of(number, wire::kNtInvalidParameter)));
                break;
            case ChannelPhase::kOpening:
            case ChannelPhase::kOpen:
            case ChannelPhase::kReopening:
                EXPECT_EQ(result.error().code, Errc::kState);
                EXPECT_EQ(phase(id), from);
                EXPECT_THAT(messages(), ElementsAre(open_result_of(number, wire::kNtUnsuccessful)));
                break;
            case ChannelPhase::kClosing:
                EXPECT_EQ(phase(id), ChannelPhase::kReopening);
                break;
            case ChannelPhase::kRescinded:
            case ChannelPhase::kRescindedClosing:
            case ChannelPhase::kRescindHeld:
                EXPECT_TRUE(result) << "ignored: the rescind is the answer";
                EXPECT_EQ(phase(id), from);
                EXPECT_THAT(messages(), IsEmpty());
                break;
            case ChannelPhase::kReleasedClosing:
                EXPECT_EQ(result.error().code, Errc::kState);
                EXPECT_THAT(messages(), IsEmpty());
                break;
        }
        EXPECT_THAT(effects(), IsEmpty());
    }
}

TEST_F(ChannelServerTest, TakesACloseInEveryPhase) {
    for (const auto from : kAllPhases) {
        server_ = ChannelServer({.processor_count = kProcessors});
        const auto id = add(kScsiInterface, 1);
        connect();
        const uint32_t number = relid(id);
        bring_to(id, from);
        const auto result = post(wire::CloseChannel{number});
        const bool open = from == ChannelPhase::kOpening || from == ChannelPhase::kOpen;
        switch (from) {
            case ChannelPhase::kOpening:
            case ChannelPhase::kOpen:
            case ChannelPhase::kReopening:
                EXPECT_TRUE(result);
                EXPECT_EQ(phase(id), ChannelPhase::kClosing);
                break;
            case ChannelPhase::kRescinded:
            case ChannelPhase::kRescindedClosing:
            case ChannelPhase::kRescindHeld:
                EXPECT_TRUE(result);
                EXPECT_EQ(phase(id), from);
                break;
            case ChannelPhase::kUnoffered:
            case ChannelPhase::kReleased:
                EXPECT_EQ(result.error().code, Errc::kNotFound);
                break;
            case ChannelPhase::kOffered:
            case ChannelPhase::kClosing:
            case ChannelPhase::kReleasedClosing:
                EXPECT_EQ(result.error().code, Errc::kState);
                EXPECT_EQ(phase(id), from);
                break;
        }
        EXPECT_THAT(effects(), SizeIs(open ? 1 : 0)) << to_string(from);
        EXPECT_THAT(messages(), IsEmpty());
    }
}

TEST_F(ChannelServerTest, TakesTheDevicesCloseInEveryPhase) {
    for (const auto from : kAllPhases) {
        server_ = ChannelServer({.processor_count = kProcessors});
        const auto id = add(kScsiInterface, 1);
        connect();
        bring_to(id, from);
        server_.channel_closed(id);
        switch (from) {
            case ChannelPhase::kClosing:
                EXPECT_EQ(phase(id), ChannelPhase::kOffered);
                break;
            case ChannelPhase::kReopening:
                EXPECT_EQ(phase(id), ChannelPhase::kOpening);
                break;
            case ChannelPhase::kRescindedClosing:
                EXPECT_EQ(phase(id), ChannelPhase::kRescinded);
                break;
            case ChannelPhase::kReleasedClosing:
                EXPECT_EQ(phase(id), ChannelPhase::kReleased);
                break;
            case ChannelPhase::kUnoffered:
            case ChannelPhase::kOffered:
            case ChannelPhase::kOpening:
            case ChannelPhase::kOpen:
            case ChannelPhase::kRescinded:
            case ChannelPhase::kRescindHeld:
            case ChannelPhase::kReleased:
                EXPECT_EQ(phase(id), from) << "nobody asked it to";
                break;
        }
        EXPECT_TRUE(server_.consistent());
    }
}

TEST_F(ChannelServerTest, MovesAnInterruptAndSaysSoFrom5_3On) {
    for (const auto version : {wire::VmbusVersion::kWin10_5_3, wire::VmbusVersion::kWin10_4_1}) {
        server_ = ChannelServer({.processor_count = kProcessors});
        const auto id = add(kHeartbeatInterface, 1);
        connect(version);
        bring_to(id, ChannelPhase::kOpen);
        ASSERT_TRUE(post(wire::ModifyChannel{.relid = relid(id), .target_vp = 3}));
        EXPECT_THAT(effects(),
                    ElementsAre(ServerEffect(RetargetChannel{.offer = id, .target_vp = 3})));
        const bool answers = version == wire::VmbusVersion::kWin10_5_3;
        EXPECT_THAT(messages(), SizeIs(answers ? 1 : 0));
    }
}

TEST_F(ChannelServerTest, RefusesToMoveWhatIsNotOpenOrToNowhere) {
    const HostMessage refused =
        wire::ModifyChannelResponse{.relid = 1, .status = wire::kNtInvalidParameter};
    for (const auto from : kAllPhases) {
        server_ = ChannelServer({.processor_count = kProcessors});
        const auto id = add(kScsiInterface, 1);
        connect();
        bring_to(id, from);
        const bool open = from == ChannelPhase::kOpening || from == ChannelPhase::kOpen;
        EXPECT_EQ(post(wire::ModifyChannel{.relid = 1, .target_vp = 3}).has_value(), open);
        EXPECT_THAT(effects(), SizeIs(open ? 1 : 0)) << to_string(from);
        (void)messages();
        EXPECT_FALSE(post(wire::ModifyChannel{.relid = 1, .target_vp = kProcessors}));
        EXPECT_THAT(messages(), ElementsAre(refused));
        EXPECT_THAT(effects(), IsEmpty());
    }
}

}  // namespace
}  // namespace hvis::vmbus

#include "vmbus/channel_server_fixture.h"

namespace hvis::vmbus {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using wire::HostMessage;

HostMessage rescind_of(uint32_t relid) { return wire::RescindOffer{relid}; }

TEST_F(ChannelServerTest, OffersInStableOrderWithConsecutiveRelids) {
    auto late = OfferParams::message_pipe(kHeartbeatInterface, instance_number(1));
    late.order = 5;
    ASSERT_TRUE(server_.add_offer(late));
    add(kScsiInterface, 2);
    add(kScsiInterface, 1);
    add(kHeartbeatInterface, 9);
    add(kShutdownInterface, 1);
    ASSERT_TRUE(post(contact(wire::VmbusVersion::kWin10_5_3)));
    EXPECT_THAT(messages(), SizeIs(1));
    ASSERT_TRUE(post(wire::RequestOffers{}));
    const auto all = messages();
    ASSERT_THAT(all, SizeIs(6));
    EXPECT_EQ(all.back(), HostMessage(wire::AllOffersDelivered{}));
    std::vector<std::pair<Guid, uint8_t>> order;
    for (uint32_t index = 0; index < 5; ++index) {
        const auto& offer = std::get<wire::OfferChannel>(all[index]);
        EXPECT_EQ(offer.relid, index + 1);
        EXPECT_EQ(offer.connection_id, 0x2000 | offer.relid);
        EXPECT_TRUE(offer.dedicated_interrupt);
        EXPECT_FALSE(offer.monitor_allocated);
        order.emplace_back(offer.interface_type, offer.instance.bytes[0]);
    }
    // GUIDs in wire order: 0e0b6031 is 31.., 57164f39 is 39.., ba6163d9 is d9...
    EXPECT_THAT(order,
                ElementsAre(std::pair(kShutdownInterface, 1), std::pair(kHeartbeatInterface, 9),
                            std::pair(kHeartbeatInterface, 1), std::pair(kScsiInterface, 1),
                            std::pair(kScsiInterface, 2)));
}

TEST_F(ChannelServerTest, ShowsTheDeviceAsItAskedToBeShown) {
    OfferParams params = OfferParams::message_pipe(kHeartbeatInterface, instance_number(1));
    params.mmio_megabytes = 8;
    params.user_defined[119] = std::byte{1};
    const auto id = server_.add_offer(params);
    ASSERT_TRUE(post(contact(wire::VmbusVersion::kWin10_5_3)));
    ASSERT_TRUE(post(wire::RequestOffers{}));
    const auto all = messages();
    const auto& offer = std::get<wire::OfferChannel>(all[1]);
    EXPECT_EQ(offer.flags, 0x11);
    EXPECT_EQ(offer.mmio_megabytes, 8);
    EXPECT_EQ(offer.user_defined, params.user_defined);
    EXPECT_EQ(offer.user_defined[0], std::byte{4}) << "pipe in message mode";
    EXPECT_EQ(server_.status(*id)->connection_id, offer.connection_id);
    EXPECT_EQ(server_.status(OfferId{99}), std::nullopt);
}

TEST_F(ChannelServerTest, GivesOffersOnce) {
    add(kHeartbeatInterface, 1);
    connect();
    EXPECT_EQ(post(wire::RequestOffers{}).error().code, Errc::kState);
    EXPECT_THAT(messages(), IsEmpty());
}

TEST_F(ChannelServerTest, OffersADeviceThatComesLater) {
    ASSERT_TRUE(post(contact(wire::VmbusVersion::kWin10_5_3)));
    forget_output();
    const auto early = add(kHeartbeatInterface, 1);
    EXPECT_THAT(messages(), IsEmpty()) << "the guest has not asked";
    ASSERT_TRUE(post(wire::RequestOffers{}));
    forget_output();
    EXPECT_EQ(phase(early), ChannelPhase::kOffered);
    const auto late = add(kHeartbeatInterface, 2);
    const auto all = messages();
    ASSERT_THAT(all, SizeIs(1));
    EXPECT_EQ(std::get<wire::OfferChannel>(all[0]).relid, relid(late));
}

TEST_F(ChannelServerTest, RefusesTheSameChannelTwice) {
    const auto params = OfferParams::message_pipe(kHeartbeatInterface, instance_number(1));
    ASSERT_TRUE(server_.add_offer(params));
    EXPECT_EQ(server_.add_offer(params).error().code, Errc::kInvalid);
    auto sub = params;
    sub.subchannel_index = 1;
    EXPECT_TRUE(server_.add_offer(sub));
}

TEST_F(ChannelServerTest, BoundsOffers) {
    OfferParams params{.interface_type = kScsiInterface, .instance = {}};
    for (size_t count = 0; count < kMaxOffers; ++count) {
        params.instance.bytes[0] = static_cast<uint8_t>(count);
        params.instance.bytes[1] = static_cast<uint8_t>(count >> 8U);
        ASSERT_TRUE(server_.add_offer(params));
    }
    params.instance.bytes[2] = 1;
    EXPECT_EQ(server_.add_offer(params).error().code, Errc::kLimit);
    connect();
    EXPECT_EQ(server_.status(OfferId{kMaxOffers})->phase, ChannelPhase::kOffered);
}

TEST_F(ChannelServerTest, RescindsAClosedChannelAtOnce) {
    const auto id = add(kHeartbeatInterface, 1);
    connect();
    const uint32_t number = relid(id);
    ASSERT_TRUE(server_.rescind(id));
    EXPECT_THAT(messages(), ElementsAre(rescind_of(number)));
    EXPECT_THAT(effects(), IsEmpty());
    ASSERT_TRUE(server_.rescind(id));
    EXPECT_THAT(messages(), IsEmpty()) << "again: nothing";
    EXPECT_EQ(server_.rescind(OfferId{99}).error().code, Errc::kNotFound);
}

TEST_F(ChannelServerTest, TellsTheGuestOfARescindOnceTheDeviceLetGoOfTheRings) {
    const auto id = add(kHeartbeatInterface, 1);
    connect();
    bring_to(id, ChannelPhase::kOpen);
    ASSERT_TRUE(server_.rescind(id));
    EXPECT_THAT(effects(), ElementsAre(ServerEffect(CloseChannel{id})));
    EXPECT_THAT(messages(), IsEmpty());
    server_.channel_closed(id);
    EXPECT_THAT(messages(), ElementsAre(rescind_of(relid(id))));
    // Linux: CLOSECHANNEL, no GPADL_TEARDOWN, RELID_RELEASED.
    EXPECT_TRUE(post(wire::CloseChannel{relid(id)}));
    EXPECT_TRUE(post(wire::RelidReleased{relid(id)}));
    EXPECT_EQ(phase(id), ChannelPhase::kUnoffered);
    EXPECT_EQ(server_.gpadl(id, kRingGpadl), nullptr);
    EXPECT_THAT(messages(), IsEmpty());
}

TEST_F(ChannelServerTest, ReoffersOnlyAfterTheGuestReleasedTheRelid) {
    const auto id = add(kHeartbeatInterface, 1);
    connect();
    const uint32_t number = relid(id);
    ASSERT_TRUE(server_.rescind(id));
    ASSERT_TRUE(server_.reoffer(id));
    EXPECT_THAT(messages(), ElementsAre(rescind_of(number)));
    ASSERT_TRUE(post(wire::RelidReleased{number}));
    const auto all = messages();
    ASSERT_THAT(all, SizeIs(1));
    EXPECT_EQ(std::get<wire::OfferChannel>(all[0]).interface_type, kHeartbeatInterface);
    EXPECT_EQ(phase(id), ChannelPhase::kOffered);
    EXPECT_EQ(server_.reoffer(OfferId{99}).error().code, Errc::kNotFound);
}

TEST_F(ChannelServerTest, DoesNotReuseARelidBeforeItsRelease) {
    const auto first = add(kHeartbeatInterface, 1);
    connect();
    const uint32_t number = relid(first);
    ASSERT_TRUE(server_.remove(first));
    const auto second = add(kScsiInterface, 1);
    EXPECT_NE(relid(second), number);
    ASSERT_TRUE(post(wire::RelidReleased{number}));
    EXPECT_EQ(server_.status(first), std::nullopt) << "removed and released: forgotten";
    EXPECT_EQ(relid(add(kScsiInterface, 2)), number);
}

TEST_F(ChannelServerTest, HoldsBackAChannelWhileTheGuestHasItsPredecessor) {
    const auto old = add(kHeartbeatInterface, 1);
    connect();
    const uint32_t number = relid(old);
    ASSERT_TRUE(server_.remove(old));
    forget_output();
    const auto fresh = add(kHeartbeatInterface, 1);
    EXPECT_THAT(messages(), IsEmpty()) << "Linux would warn of a second offer of one channel";
    ASSERT_TRUE(post(wire::RelidReleased{number}));
    EXPECT_EQ(phase(fresh), ChannelPhase::kOffered);
}

TEST_F(ChannelServerTest, RemovesAtOnceWhatTheGuestDoesNotKnow) {
    const auto id = add(kHeartbeatInterface, 1);
    ASSERT_TRUE(server_.remove(id));
    EXPECT_EQ(server_.status(id), std::nullopt);
    EXPECT_EQ(server_.remove(id).error().code, Errc::kNotFound);
    EXPECT_EQ(server_.reoffer(id).error().code, Errc::kNotFound);
}

TEST_F(ChannelServerTest, RescindsSubchannelsBeforeTheirPrimary) {
    const auto primary = add(kScsiInterface, 1);
    connect();
    auto params = OfferParams::message_pipe(kScsiInterface, instance_number(1));
    params.subchannel_index = 1;
    const auto sub = server_.add_offer(params);
    const uint32_t sub_relid = relid(*sub);
    bring_to(primary, ChannelPhase::kOpen);
    ASSERT_TRUE(post(ring_header(sub_relid, 5)));
    ASSERT_TRUE(post(open_request(sub_relid, 5)));
    forget_output();
    ASSERT_TRUE(server_.remove(primary));
    EXPECT_THAT(effects(),
                ElementsAre(ServerEffect(CloseChannel{*sub}), ServerEffect(CloseChannel{primary})));
    server_.channel_closed(primary);
    EXPECT_THAT(messages(), IsEmpty()) << "the subchannel first";
    EXPECT_EQ(phase(primary), ChannelPhase::kRescindHeld);
    server_.channel_closed(*sub);
    EXPECT_THAT(messages(), ElementsAre(rescind_of(sub_relid), rescind_of(relid(primary))));
    ASSERT_TRUE(post(wire::RelidReleased{sub_relid}));
    ASSERT_TRUE(post(wire::RelidReleased{relid(primary)}));
    EXPECT_EQ(server_.status(primary), std::nullopt);
    EXPECT_EQ(server_.status(*sub), std::nullopt);
}

TEST_F(ChannelServerTest, OffersNoSubchannelWithoutItsPrimary) {
    auto params = OfferParams::message_pipe(kScsiInterface, instance_number(1));
    params.subchannel_index = 1;
    const auto sub = server_.add_offer(params);
    connect();
    EXPECT_EQ(phase(*sub), ChannelPhase::kUnoffered);
    const auto primary = add(kScsiInterface, 1);
    EXPECT_EQ(relid(primary), 1U);
    EXPECT_EQ(relid(*sub), 2U);
}

TEST_F(ChannelServerTest, WithdrawsWhileTheGuestLeaves) {
    const auto id = add(kHeartbeatInterface, 1);
    connect();
    bring_to(id, ChannelPhase::kOpen);
    ASSERT_TRUE(post(wire::Unload{}));
    ASSERT_TRUE(server_.remove(id));
    server_.channel_closed(id);
    EXPECT_EQ(server_.status(id), std::nullopt);
    EXPECT_THAT(messages(), ElementsAre(HostMessage(wire::UnloadResponse{})));
}

// What a rescind does from each phase: where it ends, and whether the guest is told now.
TEST_F(ChannelServerTest, RescindsFromEveryPhase) {
    for (const auto from : kAllPhases) {
        server_ = ChannelServer({.processor_count = kProcessors});
        const auto id = add(kScsiInterface, 1);
        connect();
        bring_to(id, from);
        ASSERT_TRUE(server_.rescind(id));
        switch (from) {
            case ChannelPhase::kUnoffered:
            case ChannelPhase::kReleased:
                EXPECT_EQ(phase(id), ChannelPhase::kUnoffered);
                break;
            case ChannelPhase::kOffered:
            case ChannelPhase::kRescinded:
                EXPECT_EQ(phase(id), ChannelPhase::kRescinded);
                break;
            case ChannelPhase::kOpening:
            case ChannelPhase::kOpen:
            case ChannelPhase::kClosing:
            case ChannelPhase::kReopening:
            case ChannelPhase::kRescindedClosing:
                EXPECT_EQ(phase(id), ChannelPhase::kRescindedClosing);
                break;
            case ChannelPhase::kRescindHeld:
            case ChannelPhase::kReleasedClosing:
                EXPECT_EQ(phase(id), from);
                break;
        }
        EXPECT_THAT(messages(), SizeIs(from == ChannelPhase::kOffered ? 1 : 0)) << to_string(from);
        const bool closes = from == ChannelPhase::kOpening || from == ChannelPhase::kOpen;
        EXPECT_THAT(effects(), SizeIs(closes ? 1 : 0)) << to_string(from);
    }
}

TEST_F(ChannelServerTest, TakesAReleaseInEveryPhase) {
    for (const auto from : kAllPhases) {
        server_ = ChannelServer({.processor_count = kProcessors});
        const auto id = add(kScsiInterface, 1);
        connect();
        const uint32_t number = relid(id);
        bring_to(id, from);
        const auto result = post(wire::RelidReleased{number});
        switch (from) {
            case ChannelPhase::kUnoffered:
            case ChannelPhase::kReleased:
                EXPECT_EQ(result.error().code, Errc::kNotFound);
                break;
            case ChannelPhase::kReleasedClosing:
                EXPECT_EQ(result.error().code, Errc::kState);
                break;
            case ChannelPhase::kOffered:
                EXPECT_EQ(phase(id), ChannelPhase::kReleased);
                break;
            case ChannelPhase::kRescinded:
            case ChannelPhase::kRescindHeld:
                EXPECT_EQ(phase(id), ChannelPhase::kUnoffered);
                break;
            case ChannelPhase::kOpening:
            case ChannelPhase::kOpen:
            case ChannelPhase::kClosing:
            case ChannelPhase::kReopening:
            case ChannelPhase::kRescindedClosing:
                EXPECT_EQ(phase(id), ChannelPhase::kReleasedClosing);
                EXPECT_EQ(relid(id), number) << "kept until the device closed";
                server_.channel_closed(id);
                EXPECT_EQ(phase(id), from == ChannelPhase::kRescindedClosing
                                         ? ChannelPhase::kUnoffered
                                         : ChannelPhase::kReleased);
                break;
        }
        EXPECT_TRUE(server_.consistent());
    }
    EXPECT_FALSE(post(wire::RelidReleased{0}));
    EXPECT_FALSE(post(wire::RelidReleased{2048}));
    EXPECT_FALSE(post(wire::RelidReleased{0xffffffff}));
}

TEST_F(ChannelServerTest, BringsBackAReleasedChannelWhenAskedTo) {
    const auto id = add(kHeartbeatInterface, 1);
    connect();
    bring_to(id, ChannelPhase::kReleased);
    ASSERT_TRUE(server_.reoffer(id));
    EXPECT_THAT(messages(), IsEmpty()) << "it was never withdrawn";
    ASSERT_TRUE(server_.rescind(id));
    ASSERT_TRUE(server_.reoffer(id));
    EXPECT_THAT(messages(), SizeIs(1));
    EXPECT_EQ(phase(id), ChannelPhase::kOffered);
}

TEST_F(ChannelServerTest, ReoffersAfterALateCloseOfAReleasedChannel) {
    const auto id = add(kHeartbeatInterface, 1);
    connect();
    bring_to(id, ChannelPhase::kReleasedClosing);
    ASSERT_TRUE(server_.rescind(id));
    ASSERT_TRUE(server_.reoffer(id));
    EXPECT_THAT(messages(), IsEmpty());
    server_.channel_closed(id);
    EXPECT_EQ(phase(id), ChannelPhase::kOffered);
}

}  // namespace
}  // namespace hvis::vmbus

#include "vmbus/channel_server_fixture.h"

namespace hvis::vmbus {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using wire::HostMessage;
using wire::VmbusVersion;

HostMessage accepted(uint32_t connection_id) {
    return wire::VersionResponse{.supported = true, .connection_id = connection_id};
}
const HostMessage kRefused = wire::VersionResponse{};

TEST_F(ChannelServerTest, AgreesOnEveryVersionItSpeaks) {
    for (const auto version : wire::vmbus_versions()) {
        ChannelServerTest::server_ = ChannelServer({.processor_count = kProcessors});
        ASSERT_TRUE(post(contact(version)));
        const uint32_t id = version >= VmbusVersion::kWin10_5_0 ? wire::kMessageConnectionIdV5
                                                                : static_cast<uint32_t>(version);
        EXPECT_THAT(messages(), ElementsAre(accepted(id)));
        EXPECT_THAT(
            effects(),
            ElementsAre(ServerEffect(Connected{.version = version, .target_vp = 0, .sint = 2})));
    }
}

// Linux vmbus_connect: from 5.3 down, until one is supported.
TEST_F(ChannelServerTest, LetsTheGuestWalkDownToTheConfiguredVersion) {
    for (const auto limit : wire::vmbus_versions()) {
        server_ = ChannelServer({.max_version = limit, .processor_count = kProcessors});
        for (const auto version : wire::vmbus_versions()) {
            ASSERT_TRUE(post(contact(version)));
            if (version == limit) {
                break;
            }
            EXPECT_THAT(messages(), ElementsAre(kRefused));
            EXPECT_TRUE(server_.is_idle());
        }
        EXPECT_EQ(server_.version(), limit);
    }
}

TEST_F(ChannelServerTest, RefusesVersionsThatNobodySpeaks) {
    for (const uint32_t version : {0U, 13U, 0x1'0001U, 0x5'0004U, 0x6'0000U, 0xffffffffU}) {
        ASSERT_TRUE(post(wire::InitiateContact{.version = version, .target_sint = 2}));
        EXPECT_THAT(messages(), ElementsAre(kRefused)) << version;
        EXPECT_EQ(server_.version(), std::nullopt);
        EXPECT_THAT(effects(), IsEmpty());
    }
}

TEST_F(ChannelServerTest, AnswersWhereTheContactSays) {
    ASSERT_TRUE(post(wire::InitiateContact{
        .version = 0x50003, .target_vp = 3, .target_sint = 2, .interrupt_page = 2}));
    (void)messages();
    EXPECT_EQ(last_target_vp_, 3U);
    EXPECT_EQ(last_sint_, 2);
}

TEST_F(ChannelServerTest, AnswersOldGuestsOnSint2AndTheOldestOnProcessor0) {
    const uint64_t interrupt_page = 0x2345005;
    ASSERT_TRUE(post(
        wire::InitiateContact{.version = 0x40000, .target_vp = 3, .interrupt_page = interrupt_page},
        wire::kMessageConnectionId));
    (void)messages();
    EXPECT_EQ(last_target_vp_, 3U);
    EXPECT_EQ(last_sint_, 2);
    ASSERT_TRUE(post(
        wire::InitiateContact{.version = 0x20004, .target_vp = 3, .interrupt_page = interrupt_page},
        wire::kMessageConnectionId));
    EXPECT_THAT(messages(), ElementsAre(accepted(0x20004)));
    EXPECT_EQ(last_target_vp_, 0U);
    EXPECT_EQ(last_sint_, 2);
}

TEST_F(ChannelServerTest, RefusesContactsThatNameNoPlaceForAnswers) {
    const wire::InitiateContact good{.version = 0x50003, .target_vp = 0, .target_sint = 2};
    auto no_processor = good;
    no_processor.target_vp = kProcessors;
    auto hypervisor_sint = good;
    hypervisor_sint.target_sint = 0;
    auto other_sint = good;
    other_sint.target_sint = 5;
    auto no_sint = good;
    no_sint.target_sint = 16;
    auto trust_level = good;
    trust_level.target_vtl = 1;
    for (const auto& bad : {no_processor, hypervisor_sint, other_sint, no_sint, trust_level}) {
        ASSERT_TRUE(post(bad));
        EXPECT_THAT(messages(), ElementsAre(kRefused));
        EXPECT_EQ(last_target_vp_, 0U);
        EXPECT_EQ(last_sint_, 2) << "the only source that a host can reach";
        EXPECT_TRUE(server_.is_idle());
    }
}

TEST_F(ChannelServerTest, ExpectsNewVersionsOnConnectionId4) {
    ASSERT_TRUE(post(contact(VmbusVersion::kWin10_5_0), wire::kMessageConnectionId));
    EXPECT_THAT(messages(), ElementsAre(kRefused));
    ASSERT_TRUE(post(contact(VmbusVersion::kWin10), wire::kMessageConnectionIdV5));
    EXPECT_EQ(server_.version(), VmbusVersion::kWin10);
    EXPECT_EQ(post(wire::RequestOffers{}, 7).error().code, Errc::kInvalid);
}

TEST_F(ChannelServerTest, AnswersNothingWithoutAConnection) {
    for (const auto& message : std::vector<wire::GuestMessage>{
             wire::RequestOffers{}, wire::Unload{}, wire::OpenChannel{}, wire::CloseChannel{},
             wire::GpadlHeader{}, wire::GpadlBody{}, wire::GpadlTeardown{}, wire::RelidReleased{},
             wire::TlConnectRequest{}, wire::ModifyChannel{}}) {
        EXPECT_EQ(post(message).error().code, Errc::kState);
    }
    EXPECT_THAT(messages(), IsEmpty());
    EXPECT_THAT(effects(), IsEmpty());
}

TEST_F(ChannelServerTest, RefusesMessagesThatTheVersionDoesNotHave) {
    connect(VmbusVersion::kWin8_1);
    EXPECT_EQ(post(wire::TlConnectRequest{}).error().code, Errc::kUnsupported);
    EXPECT_EQ(post(wire::ModifyChannel{}).error().code, Errc::kUnsupported);
    EXPECT_THAT(messages(), IsEmpty());
}

TEST_F(ChannelServerTest, RefusesWhatIsNotAGuestsMessage) {
    connect();
    const std::vector<wire::HostMessage> host_messages = {
        wire::OfferChannel{}, wire::VersionResponse{}, wire::UnloadResponse{}};
    for (const auto& message : host_messages) {
        const auto result =
            server_.handle_message(wire::kMessageConnectionIdV5, wire::format_message(message));
        ASSERT_FALSE(result);
        EXPECT_EQ(result.error().code, Errc::kUnsupported);
    }
    EXPECT_FALSE(server_.handle_message(wire::kMessageConnectionIdV5, {}));
    EXPECT_THAT(messages(), IsEmpty());
}

TEST_F(ChannelServerTest, RefusesSocketsPolitely) {
    const Guid endpoint = instance_number(7);
    connect();
    ASSERT_TRUE(post(wire::TlConnectRequest{.endpoint = endpoint, .service = kScsiInterface}));
    EXPECT_THAT(
        messages(),
        ElementsAre(HostMessage(wire::TlConnectResult{.endpoint = endpoint,
                                                      .service = kScsiInterface,
                                                      .status = wire::kNtConnectionRefused})));
    server_ = ChannelServer({.processor_count = kProcessors});
    connect(VmbusVersion::kWin10);
    ASSERT_TRUE(post(wire::TlConnectRequest{}));
    EXPECT_THAT(messages(), IsEmpty()) << "4.0 has no answer";
}

TEST_F(ChannelServerTest, UnloadsAtOnceWhenNothingIsOpen) {
    const auto id = add(kHeartbeatInterface, 1);
    connect();
    ASSERT_TRUE(post(wire::Unload{}));
    EXPECT_THAT(messages(), ElementsAre(HostMessage(wire::UnloadResponse{})));
    EXPECT_THAT(effects(), ElementsAre(ServerEffect(Disconnected{DisconnectReason::kUnload})));
    EXPECT_EQ(phase(id), ChannelPhase::kUnoffered);
    connect();
    EXPECT_EQ(phase(id), ChannelPhase::kOffered);
}

TEST_F(ChannelServerTest, UnloadsWhenTheLastChannelHasClosed) {
    const auto first = add(kHeartbeatInterface, 1);
    const auto second = add(kScsiInterface, 1);
    connect();
    bring_to(first, ChannelPhase::kOpen);
    ASSERT_TRUE(post(ring_header(relid(second), 9)));
    ASSERT_TRUE(post(open_request(relid(second), 9)));
    forget_output();
    ASSERT_TRUE(post(wire::Unload{}));
    EXPECT_THAT(effects(),
                ElementsAre(ServerEffect(CloseChannel{first}), ServerEffect(CloseChannel{second})));
    server_.channel_closed(first);
    EXPECT_THAT(messages(), IsEmpty());
    EXPECT_FALSE(server_.is_idle());
    server_.open_result(second, wire::kNtSuccess);
    server_.channel_closed(second);
    EXPECT_THAT(messages(), ElementsAre(HostMessage(wire::UnloadResponse{})));
    EXPECT_THAT(effects(), ElementsAre(ServerEffect(Disconnected{DisconnectReason::kUnload})));
    EXPECT_EQ(server_.gpadl(second, 9), nullptr);
}

TEST_F(ChannelServerTest, StartsOverWhenAConnectedGuestMakesContact) {
    const auto id = add(kHeartbeatInterface, 1);
    connect();
    bring_to(id, ChannelPhase::kOpen);
    ASSERT_TRUE(post(contact(VmbusVersion::kWin10)));
    EXPECT_THAT(effects(), ElementsAre(ServerEffect(CloseChannel{id})));
    EXPECT_THAT(messages(), IsEmpty()) << "the old kernel's pages are still in use";
    server_.channel_closed(id);
    EXPECT_THAT(effects(),
                ElementsAre(ServerEffect(Disconnected{DisconnectReason::kReconnect}),
                            ServerEffect(Connected{
                                .version = VmbusVersion::kWin10, .target_vp = 0, .sint = 2})));
    EXPECT_THAT(messages(), ElementsAre(accepted(0x40000)));
    EXPECT_EQ(server_.gpadl(id, kRingGpadl), nullptr);
    ASSERT_TRUE(post(wire::RequestOffers{}));
    EXPECT_THAT(messages(), SizeIs(2));
}

TEST_F(ChannelServerTest, DropsWhatWaitedForTheKernelBefore) {
    add(kHeartbeatInterface, 1);
    ASSERT_TRUE(post(contact(VmbusVersion::kWin10_5_3)));
    ASSERT_TRUE(post(wire::RequestOffers{}));
    ASSERT_TRUE(post(contact(VmbusVersion::kWin10_5_3)));
    EXPECT_THAT(messages(), ElementsAre(accepted(4)));
}

TEST_F(ChannelServerTest, AnswersTheLastContactMadeWhileLeaving) {
    const auto id = add(kHeartbeatInterface, 1);
    connect();
    bring_to(id, ChannelPhase::kOpen);
    ASSERT_TRUE(post(wire::Unload{}));
    ASSERT_TRUE(post(contact(VmbusVersion::kWin10_5_3)));
    ASSERT_TRUE(post(contact(VmbusVersion::kWin10_5_1)));
    EXPECT_FALSE(post(wire::RequestOffers{}));
    server_.channel_closed(id);
    EXPECT_THAT(messages(), ElementsAre(accepted(4)));
    EXPECT_EQ(server_.version(), VmbusVersion::kWin10_5_1);
}

TEST_F(ChannelServerTest, ResetClosesEverythingAndDropsWhatTheOldGuestSays) {
    const auto id = add(kHeartbeatInterface, 1);
    connect();
    bring_to(id, ChannelPhase::kReopening);
    server_.reset();
    EXPECT_FALSE(server_.is_idle());
    ASSERT_TRUE(post(contact(VmbusVersion::kWin10_5_3)));
    server_.channel_closed(id);
    EXPECT_TRUE(server_.is_idle());
    EXPECT_THAT(effects(), ElementsAre(ServerEffect(Disconnected{DisconnectReason::kReset})));
    EXPECT_THAT(messages(), IsEmpty());
    server_.reset();
    EXPECT_THAT(effects(), IsEmpty()) << "nothing left to reset";
    connect();
    EXPECT_EQ(phase(id), ChannelPhase::kOffered);
}

TEST_F(ChannelServerTest, ResetTakesOverFromUnload) {
    const auto id = add(kHeartbeatInterface, 1);
    connect();
    bring_to(id, ChannelPhase::kOpen);
    ASSERT_TRUE(post(wire::Unload{}));
    server_.reset();
    server_.channel_closed(id);
    EXPECT_THAT(messages(), IsEmpty());
    EXPECT_TRUE(server_.is_idle());
}

TEST_F(ChannelServerTest, LeavesFromEveryPhase) {
    for (const auto wanted : kAllPhases) {
        server_ = ChannelServer({.processor_count = kProcessors});
        const auto id = add(kScsiInterface, 1);
        connect();
        bring_to(id, wanted);
        ASSERT_TRUE(post(wire::Unload{}));
        if (!server_.is_idle()) {
            server_.channel_closed(id);
        }
        if (wanted == ChannelPhase::kRescindHeld) {
            server_.channel_closed(OfferId{id.value + 1});
        }
        EXPECT_THAT(messages(), ElementsAre(HostMessage(wire::UnloadResponse{})))
            << to_string(wanted);
        EXPECT_EQ(phase(id), ChannelPhase::kUnoffered) << to_string(wanted);
        EXPECT_TRUE(server_.consistent());
    }
}

// Weak spot of other hosts: message queues without a bound.
TEST_F(ChannelServerTest, TurnsMessagesAwayWhileTooManyAnswersWait) {
    connect();
    size_t accepted_messages = 0;
    while (server_.can_accept_message()) {
        ASSERT_TRUE(post(wire::TlConnectRequest{}));
        ASSERT_LE(++accepted_messages, kMaxWaitingMessages);
    }
    EXPECT_EQ(accepted_messages, kMaxWaitingMessages);
    EXPECT_EQ(post(wire::TlConnectRequest{}).error().code, Errc::kLimit);
    EXPECT_EQ(post(wire::Unload{}).error().code, Errc::kLimit);
    EXPECT_FALSE(server_.is_idle());
    server_.message_sent();
    EXPECT_TRUE(server_.can_accept_message());
    EXPECT_TRUE(post(wire::Unload{}));
    EXPECT_THAT(messages(), ElementsAre(HostMessage(wire::UnloadResponse{})));
    server_.message_sent();
    EXPECT_EQ(server_.next_message(), nullptr) << "sent without a message: nothing happens";
}

}  // namespace
}  // namespace hvis::vmbus

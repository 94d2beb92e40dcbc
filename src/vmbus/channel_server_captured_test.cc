#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "vmbus/channel_server.h"
#include "wire/captured_messages.h"
#include "wire/test_bytes.h"

namespace hvis::vmbus {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::VariantWith;
using wire::hex;

/// The server of hvis-vm, with its four services, as far as bytes go: what a Debian guest posted
/// goes in, and what comes out is what that guest took.
class CapturedConnection : public ::testing::Test {
protected:
    CapturedConnection() {
        add("9527e630-d0ae-497b-adce-e80ab0175caf"_guid,
            "2dd1ce17-079e-403c-b352-a1921ee207ee"_guid);
        add("0e0b6031-5213-4934-818b-38d90ced39db"_guid,
            "b6650ff7-33bc-4840-8048-e0676786f393"_guid);
        heartbeat_ = add("57164f39-9115-4e78-ab55-382f3bd5422d"_guid,
                         "fd149e91-82e0-4a7d-afa6-2a4166cbd7c0"_guid);
        kvp_ = add("a9a0f4e7-5a45-4d96-b827-8a841e8c03e6"_guid,
                   "242ff919-07db-4180-9c2e-b86cb68c8c55"_guid);
    }

    OfferId add(const Guid& interface_type, const Guid& instance) {
        const auto id = server_.add_offer(OfferParams::message_pipe(interface_type, instance));
        EXPECT_TRUE(id);
        return id.value_or(OfferId{});
    }

    /// Posts it, and gives back what waits for the guest then.
    std::vector<Bytes> post(std::string_view captured,
                            uint32_t connection_id = wire::kMessageConnectionIdV5) {
        EXPECT_TRUE(server_.handle_message(connection_id, hex(captured))) << captured;
        return answers();
    }

    std::vector<Bytes> answers() {
        std::vector<Bytes> all;
        while (const auto* message = server_.next_message()) {
            all.emplace_back(message->payload.begin(), message->payload.end());
            EXPECT_EQ(message->sint, 2);  // Linux: VMBUS_MESSAGE_SINT
            server_.message_sent();
        }
        return all;
    }

    void connect() {
        (void)post(wire::captured::kContact53);
        (void)post(wire::captured::kRequestOffers);
        (void)server_.take_effects();
    }

    void open_heartbeat() {
        (void)post(wire::captured::kGpadlHeader);
        (void)post(wire::captured::kOpenChannel);
        server_.open_result(heartbeat_, wire::kNtSuccess);
        (void)answers();
        (void)server_.take_effects();
    }

    ChannelServer server_{{.max_version = wire::VmbusVersion::kWin10_5_3, .processor_count = 2}};
    OfferId heartbeat_{};
    OfferId kvp_{};
};

TEST_F(CapturedConnection, BeginsAndShowsItsOffers) {
    EXPECT_THAT(post(wire::captured::kContact53), ElementsAre(hex(wire::captured::kAccepted5)));
    const auto offers = post(wire::captured::kRequestOffers);
    ASSERT_THAT(offers, SizeIs(5));
    EXPECT_EQ(offers[2], hex(wire::captured::kOfferHeartbeat));
    EXPECT_EQ(offers[4], hex(wire::captured::kAllOffersDelivered));
}

TEST_F(CapturedConnection, AgreesOnTheOlderVersions) {
    EXPECT_THAT(post(wire::captured::kContact52), ElementsAre(hex(wire::captured::kAccepted5)));
    server_ = ChannelServer({.max_version = wire::VmbusVersion::kWin10, .processor_count = 1});
    EXPECT_THAT(post(wire::captured::kContact53), ElementsAre(hex(wire::captured::kRefused)));
    EXPECT_THAT(post(wire::captured::kContact40, wire::kMessageConnectionId),
                ElementsAre(hex(wire::captured::kAccepted40)));
    EXPECT_EQ(server_.version(), wire::VmbusVersion::kWin10);
    server_ = ChannelServer({.max_version = wire::VmbusVersion::kWin8_1, .processor_count = 1});
    EXPECT_THAT(post(wire::captured::kContact30, wire::kMessageConnectionId), SizeIs(1));
    EXPECT_EQ(server_.version(), wire::VmbusVersion::kWin8_1);
}

TEST_F(CapturedConnection, OpensAChannelAndMovesIt) {
    connect();
    EXPECT_THAT(post(wire::captured::kGpadlHeader),
                ElementsAre(hex(wire::captured::kGpadlCreated)));
    EXPECT_THAT(post(wire::captured::kOpenChannel), IsEmpty());
    EXPECT_THAT(server_.take_effects(), Contains(VariantWith<OpenChannel>(::testing::_)));
    server_.open_result(heartbeat_, wire::kNtSuccess);
    EXPECT_THAT(answers(), ElementsAre(hex(wire::captured::kOpenChannelResult)));
    EXPECT_THAT(post(wire::captured::kModifyChannel),
                ElementsAre(hex(wire::captured::kModifyChannelResponse)));
}

TEST_F(CapturedConnection, ClosesAChannelAndGivesItsRingsBack) {
    connect();
    open_heartbeat();
    EXPECT_THAT(post(wire::captured::kCloseChannel), IsEmpty());
    server_.channel_closed(heartbeat_);
    EXPECT_THAT(post(wire::captured::kGpadlTeardown),
                ElementsAre(hex(wire::captured::kGpadlTorndown)));
}

TEST_F(CapturedConnection, WithdrawsAnOffer) {
    connect();
    ASSERT_TRUE(server_.rescind(kvp_));
    EXPECT_THAT(answers(), ElementsAre(hex(wire::captured::kRescindOffer)));
    EXPECT_THAT(post(wire::captured::kRelidReleased), IsEmpty());
    EXPECT_EQ(server_.status(kvp_)->phase, ChannelPhase::kUnoffered);
}

TEST_F(CapturedConnection, TakesRingsThatFillSeveralMessages) {
    connect();
    EXPECT_THAT(post(wire::captured::kLongGpadlHeader), IsEmpty());
    EXPECT_THAT(post(wire::captured::kLongGpadlBody1), IsEmpty());
    EXPECT_THAT(post(wire::captured::kLongGpadlBody2), SizeIs(1));
    const auto* gpadl = server_.gpadl(heartbeat_, 0xe1e13);
    ASSERT_NE(gpadl, nullptr);
    EXPECT_TRUE(server_.consistent());
}

TEST_F(CapturedConnection, TellsASocketThatNobodyListens) {
    connect();
    EXPECT_THAT(post(wire::captured::kTlConnectRequest),
                ElementsAre(hex(wire::captured::kTlConnectResult)));
}

TEST_F(CapturedConnection, EndsWithAllChannelsOpen) {
    connect();
    open_heartbeat();
    EXPECT_THAT(post(wire::captured::kUnload), IsEmpty());
    server_.channel_closed(heartbeat_);
    EXPECT_THAT(answers(), ElementsAre(hex(wire::captured::kUnloadResponse)));
    EXPECT_TRUE(server_.is_idle());
}

}  // namespace
}  // namespace hvis::vmbus

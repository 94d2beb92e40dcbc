#include "vmbus/channel_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hvis::vmbus {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Effect = ChannelClient::Effect;
using wire::VmbusVersion;

class ChannelClientTest : public ::testing::Test {
protected:
    std::vector<wire::GuestMessage> posted() {
        std::vector<wire::GuestMessage> all;
        while (const auto* message = client_.next_message()) {
            last_connection_id_ = message->connection_id;
            all.push_back(*wire::parse_guest_message(message->payload));
            client_.message_sent();
        }
        return all;
    }
    Result<void> receive(const wire::HostMessage& message) {
        return client_.handle_message(wire::format_message(message));
    }
    void connect() {
        client_.connect();
        ASSERT_TRUE(receive(wire::VersionResponse{.supported = true, .connection_id = 4}));
        (void)posted();
        (void)client_.take_effects();
    }
    uint32_t offer(uint32_t relid) {
        EXPECT_TRUE(receive(wire::OfferChannel{.relid = relid}));
        (void)client_.take_effects();
        return relid;
    }
    static wire::GpaRanges memory(uint32_t pages) {
        wire::GpaRanges ranges;
        ranges.add(pages * 4096, 0, std::vector<uint64_t>(pages, 7));
        return ranges;
    }
    uint32_t gpadl(uint32_t relid) {
        const auto handle = client_.create_gpadl(relid, memory(4));
        EXPECT_TRUE(receive(wire::GpadlCreated{.relid = relid, .gpadl = *handle}));
        (void)posted();
        (void)client_.take_effects();
        return *handle;
    }

    ChannelClient client_{{}};
    uint32_t last_connection_id_ = 0;
};

TEST_F(ChannelClientTest, WalksDownTheVersions) {
    client_.connect();
    for (const auto version : wire::vmbus_versions()) {
        const auto all = posted();
        ASSERT_EQ(all.size(), 1U);
        EXPECT_EQ(std::get<wire::InitiateContact>(all[0]).version, static_cast<uint32_t>(version));
        EXPECT_EQ(last_connection_id_, version >= VmbusVersion::kWin10_5_0 ? 4U : 1U);
        EXPECT_THAT(client_.take_effects(), IsEmpty());
        ASSERT_TRUE(receive(wire::VersionResponse{}));
    }
    EXPECT_THAT(client_.take_effects(), ElementsAre(Effect(ChannelClient::ContactFailed{})));
    EXPECT_FALSE(receive(wire::VersionResponse{.supported = true}));
}

TEST_F(ChannelClientTest, TriesAnOlderVersionWhenTheConnectionIdDoesNotExist) {
    client_.connect();
    for (int count = 0; count < 4; ++count) {
        client_.contact_undeliverable();
    }
    EXPECT_EQ(std::get<wire::InitiateContact>(posted().front()).version, 0x40001U);
    EXPECT_EQ(last_connection_id_, wire::kMessageConnectionId);
    ASSERT_TRUE(receive(wire::VersionResponse{.supported = true, .connection_id = 99}));
    ASSERT_TRUE(client_.request_offers());
    (void)posted();
    EXPECT_EQ(last_connection_id_, wire::kMessageConnectionId) << "old hosts do not name one";
    client_.contact_undeliverable();
    EXPECT_TRUE(client_.is_connected());
}

TEST_F(ChannelClientTest, PostsWhereTheHostSaid) {
    client_.connect();
    ASSERT_TRUE(receive(wire::VersionResponse{.supported = true, .connection_id = 77}));
    (void)posted();
    ASSERT_TRUE(client_.request_offers());
    (void)posted();
    EXPECT_EQ(last_connection_id_, 77U);
}

TEST_F(ChannelClientTest, DoesNothingWithoutAConnection) {
    EXPECT_EQ(client_.request_offers().error().code, Errc::kState);
    EXPECT_EQ(client_.unload().error().code, Errc::kState);
    EXPECT_EQ(client_.create_gpadl(1, memory(1)).error().code, Errc::kState);
    EXPECT_EQ(client_.open(1, {}).error().code, Errc::kState);
    EXPECT_EQ(receive(wire::OfferChannel{.relid = 1}).error().code, Errc::kState);
    EXPECT_EQ(receive(wire::UnloadResponse{}).error().code, Errc::kState);
    EXPECT_THAT(posted(), IsEmpty());
}

TEST_F(ChannelClientTest, RefusesOffersThatLie) {
    connect();
    offer(1);
    for (const uint32_t relid : {0U, 1U, 2048U, 0xffffffffU}) {
        EXPECT_EQ(receive(wire::OfferChannel{.relid = relid}).error().code, Errc::kProtocol);
    }
    EXPECT_THAT(client_.relids(), ElementsAre(1));
}

TEST_F(ChannelClientTest, IgnoresAnswersToWhatItDidNotAsk) {
    connect();
    offer(1);
    const std::vector<wire::HostMessage> stray = {
        wire::RescindOffer{2},
        wire::OpenChannelResult{.relid = 1},
        wire::OpenChannelResult{.relid = 2},
        wire::GpadlCreated{.relid = 1, .gpadl = 5},
        wire::GpadlTorndown{5},
        wire::ModifyChannelResponse{.relid = 2},
        wire::UnloadResponse{},
        wire::VersionResponse{.supported = true},
        wire::TlConnectResult{},
    };
    for (const auto& message : stray) {
        EXPECT_FALSE(receive(message)) << message.index();
    }
    EXPECT_FALSE(client_.handle_message({}));
    EXPECT_THAT(client_.take_effects(), IsEmpty());
    EXPECT_TRUE(client_.is_connected());
}

TEST_F(ChannelClientTest, CutsGpadlsIntoMessages) {
    connect();
    offer(1);
    ASSERT_TRUE(client_.create_gpadl(1, memory(100)));
    const auto all = posted();
    ASSERT_EQ(all.size(), 4U);
    EXPECT_EQ(std::get<wire::GpadlHeader>(all[0]).words.size(), wire::kMaxGpadlHeaderWords);
    EXPECT_EQ(std::get<wire::GpadlBody>(all[1]).words.size(), wire::kMaxGpadlBodyWords);
    EXPECT_EQ(std::get<wire::GpadlBody>(all[3]).words.size(), 101U - 27U - 56U);
    EXPECT_EQ(client_.create_gpadl(1, memory(8191)).error().code, Errc::kLimit);
    EXPECT_EQ(client_.create_gpadl(1, {}).error().code, Errc::kLimit);
    EXPECT_EQ(client_.create_gpadl(2, memory(1)).error().code, Errc::kNotFound);
}

TEST_F(ChannelClientTest, StopsWhenTooMuchWaits) {
    connect();
    offer(1);
    while (client_.create_gpadl(1, memory(1))) {
        ASSERT_LE(client_.gpadl_count(), ChannelClient::kMaxQueuedMessages);
    }
    EXPECT_EQ(client_.create_gpadl(1, memory(1)).error().code, Errc::kLimit);
    EXPECT_EQ(client_.gpadl_count(), ChannelClient::kMaxQueuedMessages);
}

TEST_F(ChannelClientTest, ForgetsAGpadlThatWasRefused) {
    connect();
    offer(1);
    const auto handle = client_.create_gpadl(1, memory(1));
    EXPECT_EQ(client_.teardown_gpadl(*handle).error().code, Errc::kState);
    ASSERT_TRUE(receive(wire::GpadlCreated{.relid = 1, .gpadl = *handle, .status = 5}));
    EXPECT_EQ(client_.teardown_gpadl(*handle).error().code, Errc::kNotFound);
    EXPECT_EQ(client_.gpadl_count(), 0U);
}

TEST_F(ChannelClientTest, OpensMovesAndCloses) {
    connect();
    offer(1);
    const uint32_t handle = gpadl(1);
    ASSERT_TRUE(client_.open(1, {.ring_gpadl = handle, .downstream_page_offset = 2}));
    EXPECT_EQ(client_.open(1, {}).error().code, Errc::kState);
    EXPECT_EQ(client_.retarget(1, 1).error().code, Errc::kState);
    ASSERT_TRUE(receive(wire::OpenChannelResult{.relid = 1, .open_id = 1}));
    EXPECT_TRUE(client_.is_open(1));
    ASSERT_TRUE(client_.retarget(1, 1));
    ASSERT_TRUE(receive(wire::ModifyChannelResponse{.relid = 1}));
    ASSERT_TRUE(client_.close(1));
    EXPECT_EQ(client_.close(1).error().code, Errc::kState);
    ASSERT_TRUE(client_.teardown_gpadl(handle));
    EXPECT_EQ(client_.teardown_gpadl(handle).error().code, Errc::kState);
    ASSERT_TRUE(receive(wire::GpadlTorndown{handle}));
    EXPECT_THAT(client_.take_effects(),
                ElementsAre(Effect(ChannelClient::Opened{.relid = 1, .status = 0}),
                            Effect(ChannelClient::Retargeted{.relid = 1, .status = 0}),
                            Effect(ChannelClient::GpadlTorndown{handle})));
}

TEST_F(ChannelClientTest, StaysClosedWhenTheHostRefuses) {
    connect();
    offer(1);
    ASSERT_TRUE(client_.open(1, {}));
    ASSERT_TRUE(receive(wire::OpenChannelResult{.relid = 1, .open_id = 1, .status = 5}));
    EXPECT_FALSE(client_.is_open(1));
    EXPECT_TRUE(client_.open(1, {})) << "and may try again";
}

TEST_F(ChannelClientTest, ReleasesARescindedChannelOnceItIsClosed) {
    connect();
    offer(1);
    (void)gpadl(1);
    ASSERT_TRUE(client_.open(1, {}));
    ASSERT_TRUE(receive(wire::OpenChannelResult{.relid = 1, .open_id = 1}));
    EXPECT_EQ(client_.release(1).error().code, Errc::kState);
    ASSERT_TRUE(receive(wire::RescindOffer{1}));
    EXPECT_FALSE(receive(wire::RescindOffer{1})) << "twice";
    EXPECT_EQ(client_.create_gpadl(1, memory(1)).error().code, Errc::kNotFound);
    EXPECT_EQ(client_.release(1).error().code, Errc::kState);
    ASSERT_TRUE(client_.close(1));
    ASSERT_TRUE(client_.release(1));
    EXPECT_EQ(client_.release(1).error().code, Errc::kNotFound);
    EXPECT_EQ(client_.gpadl_count(), 0U);
    offer(1);
}

TEST_F(ChannelClientTest, ForgetsEverythingOnUnload) {
    connect();
    offer(1);
    ASSERT_TRUE(client_.unload());
    EXPECT_THAT(posted(), ElementsAre(wire::GuestMessage(wire::Unload{})));
    EXPECT_FALSE(receive(wire::OfferChannel{.relid = 2})) << "on its way when we left";
    ASSERT_TRUE(receive(wire::UnloadResponse{}));
    EXPECT_THAT(client_.take_effects(), ElementsAre(Effect(ChannelClient::Unloaded{})));
    EXPECT_THAT(client_.relids(), IsEmpty());
    connect();
}

TEST_F(ChannelClientTest, CannotMoveInterruptsBefore4_1) {
    client_ = ChannelClient({.max_version = VmbusVersion::kWin10});
    connect();
    offer(1);
    ASSERT_TRUE(client_.open(1, {}));
    ASSERT_TRUE(receive(wire::OpenChannelResult{.relid = 1, .open_id = 1}));
    EXPECT_EQ(client_.retarget(1, 0).error().code, Errc::kUnsupported);
}

}  // namespace
}  // namespace hvis::vmbus

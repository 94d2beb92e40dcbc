#pragma once

#include <optional>
#include <string_view>
#include <variant>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "vmbus/channel_server.h"
#include "wire/ring_layout.h"

namespace hvis::vmbus {

inline constexpr Guid kShutdownInterface = "0e0b6031-5213-4934-818b-38d90ced39db"_guid;
inline constexpr Guid kHeartbeatInterface = "57164f39-9115-4e78-ab55-382f3bd5422d"_guid;
inline constexpr Guid kScsiInterface = "ba6163d9-04a1-4d29-b605-72e2ffb1dc7f"_guid;

/// An instance GUID that sorts by `number`.
inline Guid instance_number(uint8_t number) {
    Guid guid{};
    guid.bytes[0] = number;
    return guid;
}

/// A server with a guest that speaks raw messages and devices that answer at once, or when told.
class ChannelServerTest : public ::testing::Test {
protected:
    static constexpr uint32_t kProcessors = 4;
    static constexpr uint32_t kRingGpadl = 0xe1e10;
    /// Pages of the usual ring GPADL, of which the host-to-guest ring starts at kRingSplit.
    static constexpr uint32_t kRingPages = 6;
    static constexpr uint32_t kRingSplit = 4;

    Result<void> post(const wire::GuestMessage& message,
                      uint32_t connection_id = wire::kMessageConnectionIdV5) {
        auto result = server_.handle_message(connection_id, wire::format_message(message));
        EXPECT_TRUE(server_.consistent());
        return result;
    }

    /// Everything that waits for the guest.
    std::vector<wire::HostMessage> messages() {
        std::vector<wire::HostMessage> all;
        while (const auto* message = server_.next_message()) {
            last_target_vp_ = message->target_vp;
            last_sint_ = message->sint;
            all.push_back(*wire::parse_host_message(message->payload));
            server_.message_sent();
        }
        return all;
    }

    std::vector<ServerEffect> effects() { return server_.take_effects(); }

    void forget_output() {
        (void)messages();
        (void)effects();
    }

    static wire::InitiateContact contact(wire::VmbusVersion version) {
        return {.version = static_cast<uint32_t>(version), .target_vp = 0, .target_sint = 2};
    }

    void connect(wire::VmbusVersion version = wire::VmbusVersion::kWin10_5_3) {
        ASSERT_TRUE(post(contact(version)));
        ASSERT_TRUE(post(wire::RequestOffers{}));
        ASSERT_EQ(server_.version(), version);
        forget_output();
    }

    OfferId add(const Guid& interface_type, uint8_t instance) {
        const auto id =
            server_.add_offer(OfferParams::message_pipe(interface_type, instance_number(instance)));
        EXPECT_TRUE(id);
        return *id;
    }

    [[nodiscard]] ChannelPhase phase(OfferId id) const { return server_.status(id)->phase; }
    [[nodiscard]] uint32_t relid(OfferId id) const { return server_.status(id)->relid; }

    static wire::GpadlHeader ring_header(uint32_t relid, uint32_t handle = kRingGpadl) {
        wire::GpadlHeader header{
            .relid = relid,
            .gpadl = handle,
            .range_buffer_size = (1 + kRingPages) * 8,
            .range_count = 1,
            .words = {uint64_t{kRingPages} * wire::kRingPageSize},
        };
        for (uint64_t page = 0; page < kRingPages; ++page) {
            header.words.push_back(0x1000 + page);
        }
        return header;
    }

    static wire::OpenChannel open_request(uint32_t relid, uint32_t handle = kRingGpadl) {
        return {.relid = relid,
                .open_id = relid + 100,
                .ring_gpadl = handle,
                .target_vp = 1,
                .downstream_page_offset = kRingSplit,
                .user_data = {}};
    }

    /// As far as the phase says, from an offered channel.
    void bring_to(OfferId id, ChannelPhase wanted);

    ChannelServer server_{
        {.max_version = wire::VmbusVersion::kWin10_5_3, .processor_count = kProcessors}};
    uint32_t last_target_vp_ = 0;
    uint8_t last_sint_ = 0;
};

inline void ChannelServerTest::bring_to(OfferId id, ChannelPhase wanted) {
    const uint32_t number = relid(id);
    const auto start_opening = [&] {
        ASSERT_TRUE(post(ring_header(number)));
        ASSERT_TRUE(post(open_request(number)));
    };
    const auto open = [&] {
        start_opening();
        server_.open_result(id, wire::kNtSuccess);
    };
    switch (wanted) {
        case ChannelPhase::kUnoffered:
            ASSERT_TRUE(server_.rescind(id));
            ASSERT_TRUE(post(wire::RelidReleased{number}));
            break;
        case ChannelPhase::kOffered:
            break;
        case ChannelPhase::kOpening:
            start_opening();
            break;
        case ChannelPhase::kOpen:
            open();
            break;
        case ChannelPhase::kClosing:
            open();
            ASSERT_TRUE(post(wire::CloseChannel{number}));
            break;
        case ChannelPhase::kReopening:
            open();
            ASSERT_TRUE(post(wire::CloseChannel{number}));
            ASSERT_TRUE(post(open_request(number)));
            break;
        case ChannelPhase::kRescinded:
            ASSERT_TRUE(server_.rescind(id));
            break;
        case ChannelPhase::kRescindedClosing:
            open();
            ASSERT_TRUE(server_.rescind(id));
            break;
        case ChannelPhase::kRescindHeld: {
            auto params = OfferParams::message_pipe(kScsiInterface, instance_number(1));
            params.subchannel_index = 1;
            const auto sub = server_.add_offer(params);
            const uint32_t sub_relid = relid(*sub);
            ASSERT_TRUE(post(ring_header(sub_relid, kRingGpadl + 1)));
            ASSERT_TRUE(post(open_request(sub_relid, kRingGpadl + 1)));
            ASSERT_TRUE(server_.rescind(id));
            break;
        }
        case ChannelPhase::kReleasedClosing:
            open();
            ASSERT_TRUE(post(wire::RelidReleased{number}));
            break;
        case ChannelPhase::kReleased:
            ASSERT_TRUE(post(wire::RelidReleased{number}));
            break;
    }
    ASSERT_EQ(phase(id), wanted);
    forget_output();
}

/// Every phase, for tests of every transition.
inline constexpr std::array kAllPhases = {
    ChannelPhase::kUnoffered,   ChannelPhase::kOffered,
    ChannelPhase::kOpening,     ChannelPhase::kOpen,
    ChannelPhase::kClosing,     ChannelPhase::kReopening,
    ChannelPhase::kRescinded,   ChannelPhase::kRescindedClosing,
    ChannelPhase::kRescindHeld, ChannelPhase::kReleasedClosing,
    ChannelPhase::kReleased};

}  // namespace hvis::vmbus

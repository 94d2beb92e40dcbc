#include "wire/vmbus_messages.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wire/hypercall.h"
#include "wire/vmbus_messages_guest.h"
#include "wire/vmbus_messages_host.h"

namespace hvis::wire {
namespace {

UserDefined some_user_data() {
    UserDefined data{};
    data[0] = std::byte{4};
    data[119] = std::byte{0xee};
    return data;
}

const Guid kHeartbeat = "57164f39-9115-4e78-ab55-382f3bd5422d"_guid;
const Guid kHeartbeatInstance = "fd149e91-82e0-4a7d-afa6-2a4166cbd7c0"_guid;

/// One of each, no field at its default.
std::vector<GuestMessage> all_guest_messages() {
    return {
        InitiateContact{.version = 0x50003,
                        .target_vp = 3,
                        .target_sint = 2,
                        .target_vtl = 1,
                        .interrupt_page = 0x0102,
                        .monitor_page_in = 0x123000,
                        .monitor_page_out = 0x124000},
        RequestOffers{},
        OpenChannel{.relid = 5,
                    .open_id = 6,
                    .ring_gpadl = 0xe1e10,
                    .target_vp = 1,
                    .downstream_page_offset = 4,
                    .user_data = some_user_data()},
        CloseChannel{.relid = 7},
        GpadlHeader{.relid = 8,
                    .gpadl = 0xe1e11,
                    .range_buffer_size = 24,
                    .range_count = 1,
                    .words = {8192, 0x1000, 0x1001}},
        GpadlBody{.message_number = 1, .gpadl = 0xe1e12, .words = {0x2000, 0x2001}},
        GpadlTeardown{.relid = 9, .gpadl = 0xe1e13},
        RelidReleased{.relid = 10},
        Unload{},
        TlConnectRequest{.endpoint = kHeartbeat, .service = kHeartbeatInstance},
        ModifyChannel{.relid = 11, .target_vp = 2},
    };
}

std::vector<HostMessage> all_host_messages() {
    return {
        OfferChannel{.interface_type = kHeartbeat,
                     .instance = kHeartbeatInstance,
                     .flags = kChannelNamedPipeMode,
                     .mmio_megabytes = 8,
                     .user_defined = some_user_data(),
                     .subchannel_index = 3,
                     .relid = 12,
                     .monitor_id = 13,
                     .monitor_allocated = true,
                     .dedicated_interrupt = true,
                     .connection_id = 0x200c},
        RescindOffer{.relid = 14},
        AllOffersDelivered{},
        OpenChannelResult{.relid = 15, .open_id = 16, .status = kNtUnsuccessful},
        GpadlCreated{.relid = 17, .gpadl = 18, .status = kNtInvalidParameter},
        GpadlTorndown{.gpadl = 19},
        VersionResponse{.supported = true, .connection_state = 1, .connection_id = 4},
        UnloadResponse{},
        TlConnectResult{
            .endpoint = kHeartbeat, .service = kHeartbeatInstance, .status = kNtConnectionRefused},
        ModifyChannelResponse{.relid = 20, .status = kNtUnsuccessful},
    };
}

uint32_t number_of(const Bytes& message) {
    const auto number = peek_message_number(message);
    return number ? *number : 0;
}

TEST(VmbusMessages, ReadsEveryGuestMessageThatItWrites) {
    for (const auto& message : all_guest_messages()) {
        const Bytes bytes = format_message(message);
        EXPECT_LE(bytes.size(), kMaxMessagePayload);
        const auto parsed = parse_guest_message(bytes);
        ASSERT_TRUE(parsed) << message.index();
        EXPECT_EQ(*parsed, message) << message.index();
    }
}

TEST(VmbusMessages, ReadsEveryHostMessageThatItWrites) {
    for (const auto& message : all_host_messages()) {
        const Bytes bytes = format_message(message);
        EXPECT_LE(bytes.size(), kMaxMessagePayload);
        const auto parsed = parse_host_message(bytes);
        ASSERT_TRUE(parsed) << message.index();
        EXPECT_EQ(*parsed, message) << message.index();
    }
}

TEST(VmbusMessages, RefusesEveryPrefixThatIsShorterThanTheTableSays) {
    const auto check = [](const Bytes& bytes, auto parse) {
        const auto* info = find_message(number_of(bytes));
        ASSERT_NE(info, nullptr);
        ASSERT_LE(info->size, bytes.size()) << info->name;
        for (size_t length = 0; length < info->size; ++length) {
            const auto parsed = parse(ByteView(bytes).first(length));
            ASSERT_FALSE(parsed) << info->name << ": accepted " << length << " bytes";
            EXPECT_EQ(parsed.error().code, Errc::kProtocol) << info->name;
        }
        EXPECT_TRUE(parse(ByteView(bytes).first(info->size))) << info->name;
    };
    for (const auto& message : all_guest_messages()) {
        check(format_message(message), parse_guest_message);
    }
    for (const auto& message : all_host_messages()) {
        check(format_message(message), parse_host_message);
    }
}

TEST(VmbusMessages, HasOneTableRowPerMessageWithTheRightSender) {
    std::vector<uint32_t> seen;
    for (const auto& message : all_guest_messages()) {
        const auto* info = find_message(number_of(format_message(message)));
        ASSERT_NE(info, nullptr);
        EXPECT_EQ(info->sender, MessageSender::kGuest) << info->name;
        EXPECT_FALSE(parse_host_message(format_message(message))) << info->name;
        seen.push_back(static_cast<uint32_t>(info->type));
    }
    for (const auto& message : all_host_messages()) {
        const auto* info = find_message(number_of(format_message(message)));
        ASSERT_NE(info, nullptr);
        EXPECT_EQ(info->sender, MessageSender::kHost) << info->name;
        EXPECT_FALSE(parse_guest_message(format_message(message))) << info->name;
        seen.push_back(static_cast<uint32_t>(info->type));
    }
    std::ranges::sort(seen);
    std::vector<uint32_t> rows;
    for (const auto& info : message_table()) {
        rows.push_back(static_cast<uint32_t>(info.type));
    }
    EXPECT_EQ(seen, rows);
}

TEST(VmbusMessages, RefusesNumbersThatNobodySends) {
    for (const uint32_t number : {0U, 18U, 19U, 20U, 25U, 0xffffffffU}) {
        Bytes bytes(kMaxMessagePayload);
        for (size_t index = 0; index < 4; ++index) {
            bytes[index] = static_cast<std::byte>(number >> (8 * index));
        }
        EXPECT_EQ(find_message(number), nullptr);
        const auto guest = parse_guest_message(bytes);
        ASSERT_FALSE(guest);
        EXPECT_EQ(guest.error().code, Errc::kUnsupported);
        EXPECT_FALSE(parse_host_message(bytes));
    }
}

TEST(VmbusMessages, IgnoresBytesBehindAMessage) {
    Bytes bytes = format_message(CloseChannel{.relid = 7});
    bytes.resize(kMaxMessagePayload, std::byte{0xaa});
    const auto parsed = parse_guest_message(bytes);
    ASSERT_TRUE(parsed);
    EXPECT_EQ(*parsed, GuestMessage(CloseChannel{.relid = 7}));
}

TEST(VmbusMessages, KeepsTheInterruptPageOfOldContacts) {
    const InitiateContact contact{.version = 0x40000, .interrupt_page = 0x2345000};
    const auto parsed = parse_guest_message(format_message(contact));
    ASSERT_TRUE(parsed);
    EXPECT_EQ(std::get<InitiateContact>(*parsed).interrupt_page, 0x2345000U);
}

// Offsets of struct vmbus_channel_offer_channel.
TEST(VmbusMessages, PlacesOfferFieldsWhereLinuxReadsThem) {
    const Bytes bytes = format_message(all_host_messages().front());
    ASSERT_EQ(bytes.size(), 196U);
    EXPECT_EQ(bytes[8], std::byte{0x39});    // if_type
    EXPECT_EQ(bytes[24], std::byte{0x91});   // if_instance
    EXPECT_EQ(bytes[56], std::byte{0x10});   // chn_flags
    EXPECT_EQ(bytes[58], std::byte{8});      // mmio_megabytes
    EXPECT_EQ(bytes[60], std::byte{4});      // user_def
    EXPECT_EQ(bytes[179], std::byte{0xee});  // user_def, last
    EXPECT_EQ(bytes[180], std::byte{3});     // sub_channel_index
    EXPECT_EQ(bytes[184], std::byte{12});    // child_relid
    EXPECT_EQ(bytes[188], std::byte{13});    // monitorid
    EXPECT_EQ(bytes[189], std::byte{1});     // monitor_allocated
    EXPECT_EQ(bytes[190], std::byte{1});     // is_dedicated_interrupt
    EXPECT_EQ(bytes[192], std::byte{0x0c});  // connection_id
    EXPECT_EQ(bytes[193], std::byte{0x20});
}

TEST(VmbusMessages, LeavesOutWordsThatDoNotFit) {
    const GpadlBody body{.gpadl = 1, .words = std::vector<uint64_t>(100, 7)};
    const Bytes bytes = format_message(body);
    EXPECT_EQ(bytes.size(), kMaxMessagePayload);
    const auto parsed = parse_guest_message(bytes);
    ASSERT_TRUE(parsed);
    EXPECT_EQ(std::get<GpadlBody>(*parsed).words.size(), kMaxGpadlBodyWords);
}

TEST(VmbusVersions, RunFromNewestToOldest) {
    EXPECT_TRUE(std::ranges::is_sorted(vmbus_versions(), std::greater()));
    EXPECT_EQ(to_string(vmbus_versions().front()), "5.3");
    EXPECT_EQ(to_string(vmbus_versions().back()), "2.4");
    for (const auto version : vmbus_versions()) {
        EXPECT_EQ(vmbus_version_from_wire(static_cast<uint32_t>(version)), version);
        EXPECT_NE(to_string(version), "unknown");
    }
    EXPECT_EQ(vmbus_version_from_wire(0x60000), std::nullopt);
    EXPECT_EQ(vmbus_version_from_wire(0xffffffff), std::nullopt);
}

}  // namespace
}  // namespace hvis::wire

#include "wire/captured_messages.h"

#include <gtest/gtest.h>

#include "wire/test_bytes.h"
#include "wire/vmbus_messages_guest.h"
#include "wire/vmbus_messages_host.h"

namespace hvis::wire {
namespace {

GuestMessage guest_message(std::string_view captured) {
    const auto parsed = parse_guest_message(hex(captured));
    EXPECT_TRUE(parsed) << captured;
    return parsed.value_or(GuestMessage{});
}

HostMessage host_message(std::string_view captured) {
    const auto parsed = parse_host_message(hex(captured));
    EXPECT_TRUE(parsed) << captured;
    return parsed.value_or(HostMessage{});
}

size_t fixed_size(ByteView message) { return find_message(*peek_message_number(message))->size; }

TEST(CapturedMessages, AreWrittenAsLinuxWroteThem) {
    for (const auto captured : captured::kFromGuest) {
        EXPECT_EQ(format_message(guest_message(captured)), hex(captured)) << captured;
    }
}

TEST(CapturedMessages, AreWrittenAsLinuxTookThem) {
    for (const auto captured : captured::kFromHost) {
        EXPECT_EQ(format_message(host_message(captured)), hex(captured)) << captured;
    }
}

TEST(CapturedMessages, AreRefusedWhenCutShort) {
    for (const auto captured : captured::kFromGuest) {
        const Bytes bytes = hex(captured);
        expect_prefixes_fail(bytes, fixed_size(bytes), parse_guest_message);
    }
    for (const auto captured : captured::kFromHost) {
        const Bytes bytes = hex(captured);
        expect_prefixes_fail(bytes, fixed_size(bytes), parse_host_message);
    }
}

TEST(CapturedMessages, OfAContactMeanWhatTheGuestWanted) {
    EXPECT_EQ(guest_message(captured::kContact53),
              GuestMessage(InitiateContact{.version = 0x50003,
                                           .target_sint = 2,
                                           .interrupt_page = 2,
                                           .monitor_page_in = 0x1ffbf000,
                                           .monitor_page_out = 0x1ff10000}));
    // Before 5.0 the target's bytes are the interrupt page's.
    EXPECT_EQ(guest_message(captured::kContact40),
              GuestMessage(InitiateContact{.version = 0x40000,
                                           .target_vtl = 0x80,
                                           .interrupt_page = 0x1ff18000,
                                           .monitor_page_in = 0x1ff19000,
                                           .monitor_page_out = 0x1ff1a000}));
    EXPECT_EQ(host_message(captured::kAccepted5),
              HostMessage(VersionResponse{.supported = true, .connection_id = 4}));
    EXPECT_EQ(host_message(captured::kAccepted40),
              HostMessage(VersionResponse{.supported = true, .connection_id = 0x40000}));
}

TEST(CapturedMessages, OfAnOfferMeanTheHeartbeat) {
    UserDefined message_pipe{};
    message_pipe[0] = std::byte{kPipeModeMessage};
    EXPECT_EQ(
        host_message(captured::kOfferHeartbeat),
        HostMessage(OfferChannel{.interface_type = "57164f39-9115-4e78-ab55-382f3bd5422d"_guid,
                                 .instance = "fd149e91-82e0-4a7d-afa6-2a4166cbd7c0"_guid,
                                 .flags = kChannelNamedPipeMode | kChannelEnumerateDeviceInterface,
                                 .user_defined = message_pipe,
                                 .relid = 3,
                                 .dedicated_interrupt = true,
                                 .connection_id = 0x2003}));
}

TEST(CapturedMessages, OfAChannelMeanItsRings) {
    EXPECT_EQ(guest_message(captured::kGpadlHeader),
              GuestMessage(GpadlHeader{.relid = 3,
                                       .gpadl = 0xe1e11,
                                       .range_buffer_size = 72,
                                       .range_count = 1,
                                       .words = {0x8000, 0x1fd70, 0x1fd71, 0x1fd72, 0x1fd73,
                                                 0x1fd74, 0x1fd75, 0x1fd76, 0x1fd77}}));
    EXPECT_EQ(guest_message(captured::kOpenChannel),
              GuestMessage(OpenChannel{
                  .relid = 3, .open_id = 3, .ring_gpadl = 0xe1e11, .downstream_page_offset = 4}));
    EXPECT_EQ(guest_message(captured::kModifyChannel),
              GuestMessage(ModifyChannel{.relid = 3, .target_vp = 1}));
    EXPECT_EQ(guest_message(captured::kGpadlTeardown),
              GuestMessage(GpadlTeardown{.relid = 3, .gpadl = 0xe1e11}));
}

TEST(CapturedMessages, FillHeaderAndBodiesAsOursWould) {
    const auto header = std::get<GpadlHeader>(guest_message(captured::kLongGpadlHeader));
    EXPECT_EQ(header.words.size(), kMaxGpadlHeaderWords);
    const auto body = std::get<GpadlBody>(guest_message(captured::kLongGpadlBody1));
    EXPECT_EQ(body.words.size(), kMaxGpadlBodyWords);
    const auto rest = std::get<GpadlBody>(guest_message(captured::kLongGpadlBody2));
    EXPECT_EQ((header.words.size() + body.words.size() + rest.words.size()) * sizeof(uint64_t),
              header.range_buffer_size);
}

}  // namespace
}  // namespace hvis::wire

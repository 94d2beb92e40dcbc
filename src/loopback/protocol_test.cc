#include "loopback/protocol.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hvis::loopback {
namespace {

const std::vector<GuestPacket> kGuestPackets = {
    PostMessage{1, 1, Bytes(wire::kMaxMessagePayload, std::byte{7})},
    PostMessage{4, 1, {}},
    WriteRegister{3, SynicRegister::kMessagePage, 0x1001},
    EndOfMessage{2},
    Crash{{1, 2, 3, 4, 5}, "Kernel panic - not syncing"},
    Stop{StopKind::kReset},
    ResetDone{9},
};

const std::vector<HostPacket> kHostPackets = {
    Attach{kProtocol, 2, 0x100000, 0x40000},
    Start{-5},
    Pause{},
    Resume{},
    Reset{1},
    ConnectPort{0x10001},
    DisconnectPort{0x10001},
    PostAnswer{wire::HvStatus::kInsufficientBuffers},
};

TEST(LoopbackProtocol, ReadsWhatItWrites) {
    for (const auto& packet : kGuestPackets) {
        EXPECT_EQ(*parse_guest_packet(format_packet(packet)), packet);
    }
    for (const auto& packet : kHostPackets) {
        EXPECT_EQ(*parse_host_packet(format_packet(packet)), packet);
    }
}

TEST(LoopbackProtocol, RejectsEveryTruncatedPacketOfFixedSize) {
    for (const auto& packet : kGuestPackets) {
        if (std::holds_alternative<PostMessage>(packet) || std::holds_alternative<Crash>(packet)) {
            continue;
        }
        const Bytes whole = format_packet(packet);
        for (size_t length = 0; length < whole.size(); ++length) {
            EXPECT_FALSE(parse_guest_packet(ByteView(whole).first(length)));
        }
    }
}

TEST(LoopbackProtocol, RejectsEveryTruncatedPacketOfTheHost) {
    for (const auto& packet : kHostPackets) {
        const Bytes whole = format_packet(packet);
        for (size_t length = 0; length < whole.size(); ++length) {
            EXPECT_FALSE(parse_host_packet(ByteView(whole).first(length))) << length;
        }
    }
}

// A message's or a crash's text is what is left of the packet; what comes before it is not.
TEST(LoopbackProtocol, RejectsMessagesAndCrashesWithoutTheirFixedPart) {
    const std::vector<GuestPacket> bare = {PostMessage{4, 1, {}}, Crash{{1, 2, 3, 4, 5}, ""}};
    for (const auto& packet : bare) {
        const Bytes whole = format_packet(packet);
        EXPECT_TRUE(parse_guest_packet(whole));
        for (size_t length = 0; length < whole.size(); ++length) {
            EXPECT_FALSE(parse_guest_packet(ByteView(whole).first(length))) << length;
        }
    }
}

TEST(LoopbackProtocol, RejectsTrailingBytes) {
    for (const auto& packet : kHostPackets) {
        Bytes longer = format_packet(packet);
        longer.push_back(std::byte{0});
        EXPECT_FALSE(parse_host_packet(longer));
    }
}

TEST(LoopbackProtocol, RejectsPacketsOfTheOtherDirection) {
    for (const auto& packet : kHostPackets) {
        EXPECT_FALSE(parse_guest_packet(format_packet(packet)));
    }
    for (const auto& packet : kGuestPackets) {
        EXPECT_FALSE(parse_host_packet(format_packet(packet)));
    }
}

TEST(LoopbackProtocol, RejectsAMessageThatNoSlotHolds) {
    Bytes packet = format_packet(GuestPacket(PostMessage{1, 1, Bytes(wire::kMaxMessagePayload)}));
    packet.push_back(std::byte{0});
    EXPECT_FALSE(parse_guest_packet(packet));
}

TEST(LoopbackProtocol, RejectsUnknownRegistersAndStops) {
    EXPECT_FALSE(parse_guest_packet(
        format_packet(GuestPacket(WriteRegister{0, SynicRegister{0x4000'0084}, 0}))));
    EXPECT_FALSE(parse_guest_packet(format_packet(GuestPacket(Stop{StopKind{3}}))));
}

TEST(LoopbackProtocol, KeepsEveryPacketWithinItsLimit) {
    EXPECT_LE(format_packet(GuestPacket(Crash{{}, std::string(100'000, 'x')})).size(), kMaxPacket);
    EXPECT_LE(format_packet(GuestPacket(PostMessage{1, 1, Bytes(100'000)})).size(), kMaxPacket);
}

}  // namespace
}  // namespace hvis::loopback

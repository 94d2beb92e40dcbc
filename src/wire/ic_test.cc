#include "wire/ic.h"

#include <algorithm>
#include <utility>

#include <gtest/gtest.h>

#include "wire/captured_kvp.h"
#include "wire/captured_packets.h"
#include "wire/negotiate.h"
#include "wire/test_bytes.h"

namespace hvis::wire {
namespace {

const Bytes kPacket =
    hex("01000000 18000000"                                  // pipe: data, 24 bytes
        "0300 0000 0100 0300 0000 0400 00000000 07 03 0000"  // 3.0, heartbeat 3.0, id 7, request
        "aabbccdd");

const IcHeader kHeader{.framework = {3, 0},
                       .type = 1,
                       .message = {3, 0},
                       .status = 0,
                       .transaction = 7,
                       .flags = kIcTransaction | kIcRequest};

TEST(IcPacket, MatchesTheBytesThatALinuxGuestTookAndAnswered) {
    const Bytes request = hex(captured::kTimeSample);
    IcHeader header{.framework = {3, 0},
                    .type = std::to_underlying(IcMessageType::kTimeSync),
                    .message = {4, 0},
                    .transaction = 2,
                    .flags = kIcTransaction | kIcRequest};
    const auto parsed = parse_ic_packet(request);
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->header, header);
    EXPECT_EQ(format_ic_packet(header, parsed->body), request);
    const Bytes answer = hex(captured::kTimeSampleAnswer);
    const auto answered = parse_ic_packet(answer);
    ASSERT_TRUE(answered);
    header.flags = kIcTransaction | kIcResponse;
    EXPECT_EQ(answered->header, header);
}

TEST(IcPacket, RefusesEveryPrefixOfWhatALinuxGuestSent) {
    for (const auto packet :
         {captured::kHeartbeatChoice, captured::kShutdownChoice, captured::kTimeSyncChoice,
          captured::kKvpChoice, captured::kBeatAnswer, captured::kTimeSampleAnswer,
          captured::kShutdownAnswer, captured::kKvpEnumerateAnswer, captured::kKvpGetIpAnswer}) {
        const Bytes bytes = hex(packet);
        const size_t pipe_size =
            std::to_integer<size_t>(bytes[4]) + std::to_integer<size_t>(bytes[5]) * 256;
        expect_prefixes_fail(bytes, kPipeHeaderSize + pipe_size, parse_ic_packet);
    }
}

TEST(IcPacket, FormatsTheHeadersByteForByte) {
    EXPECT_EQ(format_ic_packet(kHeader, hex("aabbccdd")), kPacket);
}

TEST(IcPacket, ReadsWhatItFormats) {
    const auto packet = parse_ic_packet(kPacket);
    ASSERT_TRUE(packet);
    EXPECT_EQ(packet->header, kHeader);
    EXPECT_TRUE(std::ranges::equal(packet->body, hex("aabbccdd")));
}

TEST(IcPacket, RefusesEveryPrefix) {
    expect_prefixes_fail(kPacket, kPacket.size(), parse_ic_packet);
}

TEST(IcPacket, AllowsPaddingOfTheRing) {
    Bytes padded = kPacket;
    padded.resize(padded.size() + 7);
    const auto packet = parse_ic_packet(padded);
    ASSERT_TRUE(packet);
    EXPECT_EQ(packet->body.size(), 4U);
}

TEST(IcPacket, RefusesSizesThatLie) {
    Bytes pipe_too_long = kPacket;
    pipe_too_long[4] = std::byte{0x19};
    EXPECT_FALSE(parse_ic_packet(pipe_too_long));
    Bytes pipe_huge = kPacket;
    std::fill_n(pipe_huge.begin() + 4, 4, std::byte{0xff});
    EXPECT_FALSE(parse_ic_packet(pipe_huge));
    Bytes body_beyond_pipe = kPacket;
    body_beyond_pipe[18] = std::byte{5};
    body_beyond_pipe.resize(body_beyond_pipe.size() + 8);
    EXPECT_FALSE(parse_ic_packet(body_beyond_pipe));
}

TEST(IcPacket, RefusesPartialPipeMessagesAndGiants) {
    Bytes partial = kPacket;
    partial[0] = std::byte{2};
    EXPECT_FALSE(parse_ic_packet(partial));
    Bytes giant = kPacket;
    giant.resize(kMaxIcPacketSize + 1);
    EXPECT_FALSE(parse_ic_packet(giant));
    giant.resize(kMaxIcPacketSize);
    EXPECT_TRUE(parse_ic_packet(giant));
}

TEST(IcReply, IsWhatALinuxGuestMakesOfTheRequest) {
    // The ring pads each packet to eight bytes, and Linux answers in all that it received.
    const auto padded = [](std::string_view packet) {
        Bytes bytes = hex(packet);
        bytes.resize((bytes.size() + 7) / 8 * 8);
        return bytes;
    };
    EXPECT_EQ(format_ic_reply(padded(captured::kBeat), kIcOk, hex("2a")),
              hex(captured::kBeatAnswer));
    EXPECT_EQ(format_ic_reply(padded(captured::kShutdownOffer), kIcOk,
                              body_of(captured::kShutdownChoice), kNegotiateReplySize),
              hex(captured::kShutdownChoice));
    EXPECT_EQ(format_ic_reply(padded(captured::kTimeSync), kIcOk, {}),
              hex(captured::kTimeSyncAnswer));
    EXPECT_EQ(format_ic_reply(padded(captured::kKvpDeleteMissing), kIcNoMoreItems, {}),
              hex(captured::kKvpDeleteMissingAnswer));
}

TEST(IcReply, KeepsTheRequestsLengthAndEverythingItDoesNotChange) {
    const Bytes reply = format_ic_reply(kPacket, kIcFail, hex("11"));
    EXPECT_EQ(reply, hex("01000000 18000000"
                         "0300 0000 0100 0300 0000 0400 05400080 07 05 0000"
                         "11bbccdd"));
}

TEST(IcReply, LeavesOutWhatTheRequestHasNoRoomFor) {
    const Bytes reply = format_ic_reply(kPacket, kIcOk, hex("1122334455667788"));
    ASSERT_EQ(reply.size(), kPacket.size());
    EXPECT_EQ(reply.back(), std::byte{0x44});
    EXPECT_TRUE(format_ic_reply({}, kIcOk, {}).empty());
}

}  // namespace
}  // namespace hvis::wire

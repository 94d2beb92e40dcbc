#include <cstring>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "vmbus/fake_ring.h"

namespace hvis::vmbus {
namespace {

using Layout = FakeRing::Layout;

Bytes pattern(size_t size, uint32_t seed) {
    std::mt19937 random(seed);
    Bytes bytes(size);
    for (auto& byte : bytes) {
        byte = static_cast<std::byte>(random());
    }
    return bytes;
}

Bytes to_bytes(ByteView view) { return {view.begin(), view.end()}; }

PacketToWrite packet_of(ByteView payload, uint64_t transaction_id = 0) {
    return {.transaction_id = transaction_id, .extended_header = {}, .payload = payload};
}

void expect_write(RingWriter& writer, const PacketToWrite& packet) {
    const auto result = writer.write(packet);
    ASSERT_TRUE(result);
    ASSERT_EQ(*result, WriteResult::kWritten);
}

TEST(Ring, CarriesEveryFieldOfAPacket) {
    const FakeRing ring(1);
    auto writer = ring.writer();
    auto reader = ring.reader();
    const Bytes header = pattern(24, 1);
    const Bytes payload = pattern(13, 2);
    expect_write(writer, {.type = wire::kPacketGpaDirect,
                          .flags = wire::kPacketCompletionRequested,
                          .transaction_id = 0x1122334455667788,
                          .extended_header = header,
                          .payload = payload});
    (void)writer.commit();
    Bytes buffer;
    const auto packet = reader.read(buffer);
    ASSERT_TRUE(packet);
    ASSERT_TRUE(*packet);
    EXPECT_EQ((*packet)->type, wire::kPacketGpaDirect);
    EXPECT_TRUE((*packet)->wants_completion());
    EXPECT_EQ((*packet)->transaction_id, 0x1122334455667788U);
    EXPECT_EQ(to_bytes((*packet)->extended_header), header);
    ASSERT_EQ((*packet)->payload.size(), 16U) << "13 bytes, padded";
    EXPECT_EQ(to_bytes((*packet)->payload.first(13)), payload);
}

// The packet of struct vmpacket_descriptor and its trailer, as Linux writes them.
TEST(Ring, LaysPacketsOutAsLinuxDoes) {
    const FakeRing ring(1);
    ring.start_at(64);
    auto writer = ring.writer();
    expect_write(writer, packet_of(pattern(8, 3), 7));
    (void)writer.commit();
    Bytes raw(32);
    ring.memory().copy_out(64, raw);
    const Bytes descriptor = {std::byte{6}, std::byte{0}, std::byte{2}, std::byte{0},
                              std::byte{3}, std::byte{0}, std::byte{0}, std::byte{0}};
    EXPECT_EQ(to_bytes(ByteView(raw).first(8)), descriptor);
    EXPECT_EQ(raw[8], std::byte{7});
    uint64_t footer = 0;
    std::memcpy(&footer, raw.data() + 24, sizeof(footer));
    EXPECT_EQ(footer, uint64_t{64} << 32U);
    EXPECT_EQ(ring.load(wire::kRingWriteIndex), 96U);
}

class RingWrap : public ::testing::TestWithParam<Layout> {};
INSTANTIATE_TEST_SUITE_P(Layouts, RingWrap,
                         ::testing::Values(Layout::kContiguous, Layout::kScattered));

TEST_P(RingWrap, CarriesPacketsAcrossTheEndAtEveryPosition) {
    const FakeRing ring(2, GetParam());
    Bytes buffer;
    for (uint32_t start = 0; start < ring.size(); start += wire::kRingAlignment) {
        ring.start_at(start);
        auto writer = ring.writer();
        auto reader = ring.reader();
        const Bytes header = pattern(16, start);
        const Bytes payload = pattern(4097, start + 1);
        expect_write(writer, {.type = wire::kPacketGpaDirect,
                              .transaction_id = start,
                              .extended_header = header,
                              .payload = payload});
        (void)writer.commit();
        const auto packet = reader.read(buffer);
        ASSERT_TRUE(packet && *packet) << start;
        ASSERT_EQ((*packet)->transaction_id, start);
        ASSERT_EQ(to_bytes((*packet)->extended_header), header) << start;
        ASSERT_EQ(to_bytes((*packet)->payload.first(payload.size())), payload) << start;
        (void)reader.commit();
        ASSERT_EQ(ring.load(wire::kRingReadIndex), ring.load(wire::kRingWriteIndex));
    }
}

TEST_P(RingWrap, CarriesAStreamOfPacketsOfEverySize) {
    const FakeRing ring(2, GetParam());
    auto writer = ring.writer();
    auto reader = ring.reader();
    std::mt19937 random(5);
    Bytes buffer;
    for (uint32_t round = 0; round < 3000; ++round) {
        const Bytes payload = pattern(random() % 4000, round);
        expect_write(writer, packet_of(payload, round));
        (void)writer.commit();
        const auto packet = reader.read(buffer);
        ASSERT_TRUE(packet && *packet);
        ASSERT_EQ((*packet)->transaction_id, round);
        ASSERT_EQ(to_bytes((*packet)->payload.first(payload.size())), payload);
        (void)reader.commit();
    }
}

TEST(Ring, KeepsOrderInBatches) {
    const FakeRing ring(1);
    auto writer = ring.writer();
    auto reader = ring.reader();
    Bytes buffer;
    for (int round = 0; round < 50; ++round) {
        for (uint64_t id = 0; id < 10; ++id) {
            expect_write(writer, packet_of(pattern(100, 1), id));
        }
        EXPECT_FALSE(*reader.read(buffer)) << "not committed yet";
        (void)writer.commit();
        for (uint64_t id = 0; id < 10; ++id) {
            const auto packet = reader.read(buffer);
            ASSERT_TRUE(packet && *packet);
            EXPECT_EQ((*packet)->transaction_id, id);
        }
        EXPECT_FALSE(*reader.read(buffer));
        (void)reader.commit();
    }
}

TEST(Ring, ReadsWithoutAllocatingOnceTheBufferIsLargeEnough) {
    const FakeRing ring(1);
    auto writer = ring.writer();
    auto reader = ring.reader();
    Bytes buffer(2048);
    const auto* const before = buffer.data();
    for (const size_t size : {0U, 8U, 2000U, 1U}) {
        expect_write(writer, packet_of(pattern(size, 1)));
        (void)writer.commit();
        ASSERT_TRUE(*reader.read(buffer));
        (void)reader.commit();
        EXPECT_EQ(buffer.data(), before);
        EXPECT_EQ(buffer.size(), 2048U);
    }
}

TEST(RingMemoryLimits, AreChecked) {
    const FakeRing ring(1);
    EXPECT_EQ(RingMemory::create(nullptr, {}).error().code, Errc::kInvalid);
    const std::vector<std::byte*> many(RingMemory::kMaxDataPages + 1);
    EXPECT_EQ(RingMemory::create(nullptr, many).error().code, Errc::kLimit);
}

TEST(RingWriter, RefusesPacketsThatNeverFit) {
    const FakeRing ring(1);
    auto writer = ring.writer();
    EXPECT_EQ(writer.write(packet_of(pattern(4096, 1))).error().code, Errc::kLimit);
    EXPECT_EQ(writer.write(packet_of(pattern(4096 - 24 - 7, 1))).error().code, Errc::kLimit);
    EXPECT_EQ(writer.write({.extended_header = pattern(7, 1)}).error().code, Errc::kInvalid);
    expect_write(writer, packet_of(pattern(4096 - 24 - 8, 1)));
    const FakeRing large(200);
    auto large_writer = large.writer();
    EXPECT_EQ(large_writer.write(packet_of(pattern(wire::kMaxPacketSize, 1))).error().code,
              Errc::kLimit)
        << "more than the descriptor can say";
}

TEST(RingWriter, SignalsOnlyWhenTheRingWasEmptyAndUnmasked) {
    const FakeRing ring(1);
    auto writer = ring.writer();
    auto reader = ring.reader();
    EXPECT_FALSE(writer.commit()) << "nothing written";
    expect_write(writer, packet_of({}));
    EXPECT_TRUE(writer.commit());
    expect_write(writer, packet_of({}));
    EXPECT_FALSE(writer.commit()) << "the reader was told already";
    Bytes buffer;
    while (*reader.read(buffer)) {
    }
    (void)reader.commit();
    reader.mask_signals();
    expect_write(writer, packet_of({}));
    EXPECT_FALSE(writer.commit()) << "masked";
    EXPECT_TRUE(reader.unmask_signals()) << "the packet that came in between";
    ASSERT_TRUE(*reader.read(buffer));
    (void)reader.commit();
    EXPECT_FALSE(reader.unmask_signals());
    expect_write(writer, packet_of({}));
    EXPECT_TRUE(writer.commit());
}

TEST(RingWriter, AsksForASignalWhenFullAndIsGivenOneOnce) {
    const FakeRing ring(1);
    auto writer = ring.writer();
    auto reader = ring.reader();
    const Bytes payload = pattern(1000, 1);  // 1024 with descriptor and footer
    for (int count = 0; count < 3; ++count) {
        expect_write(writer, packet_of(payload));
    }
    (void)writer.commit();
    const Bytes large = pattern(2000, 2);  // 2024
    ASSERT_EQ(*writer.write(packet_of(large)), WriteResult::kFull);
    EXPECT_EQ(ring.load(wire::kRingPendingSendSize), 2024U);
    Bytes buffer;
    ASSERT_TRUE(*reader.read(buffer));
    EXPECT_TRUE(reader.commit()) << "2048 bytes of room";
    ASSERT_TRUE(*reader.read(buffer));
    EXPECT_FALSE(reader.commit()) << "there was enough before";
    expect_write(writer, packet_of(large));
    EXPECT_EQ(ring.load(wire::kRingPendingSendSize), 0U);
    (void)writer.commit();
    ASSERT_TRUE(*reader.read(buffer));
    EXPECT_FALSE(reader.commit()) << "nobody waits";
}

// The reader reckons room by what it has been shown. If the writer kept packets back when it asked
// for a signal, the reader could see enough room all along, and never signal.
TEST(RingWriter, ShowsWhatItHasBeforeItWaits) {
    const FakeRing ring(1);
    auto writer = ring.writer();
    auto reader = ring.reader();
    const Bytes payload = pattern(1000, 1);
    expect_write(writer, packet_of(payload));
    EXPECT_TRUE(writer.commit());
    expect_write(writer, packet_of(payload));
    expect_write(writer, packet_of(payload));
    ASSERT_EQ(*writer.write(packet_of(pattern(1500, 2))), WriteResult::kFull);
    EXPECT_EQ(ring.load(wire::kRingWriteIndex), 3072U);
    Bytes buffer;
    ASSERT_TRUE(*reader.read(buffer));
    EXPECT_TRUE(reader.commit()) << "there is room now, and was not before";
    EXPECT_FALSE(writer.commit()) << "the reader was busy all the time";
}

TEST(RingWriter, RemembersTheSignalForWhatItShowedEarly) {
    const FakeRing ring(1);
    auto writer = ring.writer();
    auto reader = ring.reader();
    for (int count = 0; count < 3; ++count) {
        expect_write(writer, packet_of(pattern(1000, 1)));
    }
    ASSERT_EQ(*writer.write(packet_of(pattern(1500, 2))), WriteResult::kFull);
    EXPECT_TRUE(writer.commit()) << "the ring was empty before";
    EXPECT_FALSE(writer.commit());
}

TEST(RingWriter, IsNotSignalledWhileTheRoomIsStillTooSmall) {
    const FakeRing ring(1);
    auto writer = ring.writer();
    auto reader = ring.reader();
    for (int count = 0; count < 3; ++count) {
        expect_write(writer, packet_of(pattern(1000, 1)));
    }
    (void)writer.commit();
    ASSERT_FALSE(*writer.has_room(2048));
    Bytes buffer;
    ASSERT_TRUE(*reader.read(buffer));
    EXPECT_FALSE(reader.commit()) << "exactly 2048: a full ring would look empty";
    ASSERT_TRUE(*reader.read(buffer));
    EXPECT_TRUE(reader.commit());
    EXPECT_TRUE(*writer.has_room(2048));
}

TEST(RingReader, DoesNotSignalAWriterThatPolls) {
    const FakeRing ring(1);
    auto writer = ring.writer();
    auto reader = ring.reader();
    for (int count = 0; count < 3; ++count) {
        expect_write(writer, packet_of(pattern(1000, 1)));
    }
    (void)writer.commit();
    ASSERT_FALSE(*writer.has_room(1024));
    ring.store(wire::kRingFeatureBits, 0);
    Bytes buffer;
    ASSERT_TRUE(*reader.read(buffer));
    EXPECT_FALSE(reader.commit());
}

TEST(RingAttach, RefusesIndicesOutsideTheRing) {
    const FakeRing ring(1);
    for (const uint32_t bad : {4096U, 4U, 0xfffffff8U, 0xffffffffU, 1U}) {
        ring.start_at(0);
        ring.store(wire::kRingReadIndex, bad);
        EXPECT_FALSE(RingReader::attach(ring.memory())) << bad;
        EXPECT_FALSE(RingWriter::attach(ring.memory())) << bad;
        ring.start_at(0);
        ring.store(wire::kRingWriteIndex, bad);
        EXPECT_FALSE(RingWriter::attach(ring.memory())) << bad;
    }
}

}  // namespace
}  // namespace hvis::vmbus

#include <random>
#include <span>

#include <gtest/gtest.h>

#include "vmbus/fake_ring.h"

// The other side writes what it likes: every lie ends in a typed error, none in a wild access.

namespace hvis::vmbus {
namespace {

using wire::PacketDescriptor;

ByteView bytes_of(const PacketDescriptor& descriptor) {
    return std::as_bytes(std::span(&descriptor, 1));
}

void expect_broken(RingReader& reader) {
    Bytes buffer;
    for (int attempt = 0; attempt < 2; ++attempt) {
        const auto packet = reader.read(buffer);
        ASSERT_FALSE(packet);
        EXPECT_EQ(packet.error().code, Errc::kProtocol);
    }
    EXPECT_FALSE(reader.commit());
    EXPECT_EQ(reader.available(), 0U);
}

TEST(HostileWriter, CannotSendTheReaderOutsideTheRing) {
    for (const uint32_t index : {4096U, 4104U, 4U, 1U, 0x80000000U, 0xfffffff8U}) {
        const FakeRing ring(1);
        auto reader = ring.reader();
        ring.store(wire::kRingWriteIndex, index);
        expect_broken(reader);
    }
}

TEST(HostileWriter, CannotAnnounceLessThanAPacket) {
    for (const uint32_t index : {8U, 16U}) {
        const FakeRing ring(1);
        auto reader = ring.reader();
        ring.forge(0, bytes_of({.type = 6, .data_offset8 = 2, .length8 = 2}), index);
        expect_broken(reader);
    }
}

TEST(HostileWriter, CannotLieAboutSizes) {
    struct Lie {
        uint16_t data_offset8;
        uint16_t length8;
    };
    // 64 bytes are in the ring: at most 56 of packet and 8 of footer.
    for (const auto& [data_offset8, length8] :
         {Lie{0, 3}, Lie{1, 3}, Lie{3, 2}, Lie{2, 0}, Lie{2, 1}, Lie{2, 9}, Lie{2, 0xffff},
          Lie{0xffff, 0xffff}, Lie{0xffff, 7}, Lie{8, 7}}) {
        const FakeRing ring(1);
        auto reader = ring.reader();
        ring.forge(0, bytes_of({.type = 6, .data_offset8 = data_offset8, .length8 = length8}), 64);
        expect_broken(reader);
    }
}

// Weak spot of another host: the footer was not counted, and the reader's index passed the
// writer's.
TEST(HostileWriter, CannotLeaveOutTheFooter) {
    const FakeRing ring(1);
    auto reader = ring.reader();
    ring.forge(0, bytes_of({.type = 6, .data_offset8 = 2, .length8 = 8}), 64);
    expect_broken(reader);
    const FakeRing honest(1);
    auto honest_reader = honest.reader();
    honest.forge(0, bytes_of({.type = 6, .data_offset8 = 2, .length8 = 7}), 64);
    Bytes buffer;
    EXPECT_TRUE(*honest_reader.read(buffer));
}

TEST(HostileWriter, CannotGoBackBehindWhatWasRead) {
    const FakeRing ring(1);
    auto writer = ring.writer();
    auto reader = ring.reader();
    for (int count = 0; count < 4; ++count) {
        ASSERT_TRUE(writer.write({}));
    }
    (void)writer.commit();
    Bytes buffer;
    while (*reader.read(buffer)) {
    }
    ring.store(wire::kRingWriteIndex, 24);
    expect_broken(reader);
}

// Weak spot of another host: the decision to signal was reckoned with unchecked indices.
TEST(HostileWriter, CannotUpsetTheDecisionToSignal) {
    for (const uint32_t index : {4096U, 0xffffffffU, 12U}) {
        for (const uint32_t pending : {1U, 4096U, 0xffffffffU}) {
            const FakeRing ring(1);
            auto writer = ring.writer();
            auto reader = ring.reader();
            ASSERT_TRUE(writer.write({}));
            (void)writer.commit();
            Bytes buffer;
            ASSERT_TRUE(*reader.read(buffer));
            ring.store(wire::kRingWriteIndex, index);
            ring.store(wire::kRingPendingSendSize, pending);
            EXPECT_FALSE(reader.commit());
        }
    }
}

TEST(HostileWriter, CannotChangeAPacketThatWasCopied) {
    const FakeRing ring(1);
    auto writer = ring.writer();
    auto reader = ring.reader();
    const Bytes payload(64, std::byte{1});
    ASSERT_TRUE(writer.write({.extended_header = {}, .payload = payload}));
    (void)writer.commit();
    Bytes buffer;
    const auto packet = *reader.read(buffer);
    ring.memory().copy_in(0, Bytes(96, std::byte{0xff}));
    EXPECT_EQ(Bytes(packet->payload.begin(), packet->payload.end()), payload);
}

TEST(HostileWriter, MayUseUnknownPacketTypes) {
    const FakeRing ring(1);
    auto reader = ring.reader();
    ring.forge(0, bytes_of({.type = 0x1234, .data_offset8 = 2, .length8 = 2}), 24);
    Bytes buffer;
    const auto packet = reader.read(buffer);
    ASSERT_TRUE(packet && *packet);
    EXPECT_EQ((*packet)->type, 0x1234);
    EXPECT_TRUE((*packet)->payload.empty());
}

TEST(HostileReader, CannotClaimToHaveReadWhatWasNotWritten) {
    for (const uint32_t index : {4096U, 4U, 0xfffffff8U, 2048U, 4088U, 2056U}) {
        const FakeRing ring(1);
        auto writer = ring.writer();
        const Bytes payload(1000);
        ASSERT_EQ(*writer.write({.extended_header = {}, .payload = payload}),
                  WriteResult::kWritten);
        (void)writer.commit();
        ring.store(wire::kRingReadIndex, index);
        const Bytes large(3500);
        const auto result = writer.write({.extended_header = {}, .payload = large});
        ASSERT_FALSE(result) << index;
        EXPECT_EQ(result.error().code, Errc::kProtocol);
        EXPECT_FALSE(writer.write({})) << "from then on always";
        EXPECT_FALSE(writer.commit());
    }
}

TEST(HostileReader, CannotGoBack) {
    const FakeRing ring(1);
    auto writer = ring.writer();
    auto reader = ring.reader();
    Bytes buffer;
    const Bytes payload(1000);
    for (int count = 0; count < 3; ++count) {
        ASSERT_TRUE(writer.write({.extended_header = {}, .payload = payload}));
        (void)writer.commit();
        ASSERT_TRUE(*reader.read(buffer));
        (void)reader.commit();
    }
    const Bytes large(3000);
    ASSERT_EQ(*writer.write({.extended_header = {}, .payload = large}), WriteResult::kWritten);
    ring.store(wire::kRingReadIndex, 1024);
    EXPECT_FALSE(writer.write({.extended_header = {}, .payload = large}));
}

TEST(HostileSide, CannotBringTheReaderDownWithNoise) {
    std::mt19937 random(11);
    for (int round = 0; round < 2000; ++round) {
        const FakeRing ring(
            1, round % 2 == 0 ? FakeRing::Layout::kContiguous : FakeRing::Layout::kScattered);
        Bytes noise(ring.size());
        for (auto& byte : noise) {
            // Mostly small numbers, so that some descriptors hold.
            byte = static_cast<std::byte>(random() % 4 == 0 ? random() % 8 : 0);
        }
        ring.memory().copy_in(0, noise);
        const uint32_t start = static_cast<uint32_t>(random()) % ring.size() / 8 * 8;
        ring.start_at(start);
        auto reader = ring.reader();
        Bytes buffer;
        for (int step = 0; step < 20; ++step) {
            ring.store(wire::kRingWriteIndex, static_cast<uint32_t>(random()) % 4200 / 8 * 8);
            ring.store(wire::kRingPendingSendSize, static_cast<uint32_t>(random()));
            const auto packet = reader.read(buffer);
            (void)reader.commit();
            if (!packet) {
                break;
            }
        }
    }
}

}  // namespace
}  // namespace hvis::vmbus

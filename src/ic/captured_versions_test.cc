// Our guest halves at the versions that an old host offers, against the bytes of a Debian guest.
#include "wire/captured_versions.h"

#include <gtest/gtest.h>

#include "ic/heartbeat_guest.h"
#include "ic/kvp_guest.h"
#include "ic/shutdown_guest.h"
#include "ic/time_sync_guest.h"
#include "wire/test_bytes.h"
#include "wire/timesync.h"

namespace hvis::ic {
namespace {

namespace captured = wire::captured;
using wire::body_of;
using wire::hex;

/// Hands over what hvis-vm sent to the guest, padded as the ring pads it, and expects its answer.
void expect_answer(GuestService& guest, std::string_view request, std::string_view answer) {
    Bytes packet = hex(request);
    packet.resize((packet.size() + 7) / 8 * 8);
    const auto got = guest.packet_received(packet, Clocks{});
    ASSERT_TRUE(got && *got) << request;
    EXPECT_EQ(**got, hex(answer)) << request;
}

TEST(CapturedVersions, HeartbeatOneIsAnsweredAsLinuxDoes) {
    HeartbeatGuest guest;
    expect_answer(guest, captured::kHeartbeat1Offer, captured::kHeartbeat1Choice);
    EXPECT_EQ(guest.message_version(), (Version{1, 0}));
    expect_answer(guest, captured::kBeat1, captured::kBeat1Answer);
}

TEST(CapturedVersions, TimeSyncOneIsAnsweredAsLinuxDoes) {
    TimeSyncGuest guest;
    expect_answer(guest, captured::kTimeSync1Offer, captured::kTimeSync1Choice);
    EXPECT_EQ(guest.message_version(), (Version{1, 0}));
    expect_answer(guest, captured::kTimeSync1, captured::kTimeSync1Answer);
    expect_answer(guest, captured::kTimeSample1, captured::kTimeSample1Answer);
}

TEST(CapturedVersions, TimeSyncThreeIsAnsweredAsLinuxDoes) {
    TimeSyncGuest guest;
    expect_answer(guest, captured::kTimeSync3Offer, captured::kTimeSync3Choice);
    EXPECT_EQ(guest.message_version(), (Version{3, 0}));
    expect_answer(guest, captured::kTimeSync3, captured::kTimeSync3Answer);
    expect_answer(guest, captured::kTimeSample3, captured::kTimeSample3Answer);
}

TEST(CapturedVersions, ShutdownOneAndThreeAreAnsweredAsLinuxDoes) {
    ShutdownGuest one;
    expect_answer(one, captured::kShutdown1Offer, captured::kShutdown1Choice);
    expect_answer(one, captured::kShutdown1, captured::kShutdown1Answer);
    EXPECT_EQ(one.take_effects().at(0).message, "goodbye");
    ShutdownGuest three;
    expect_answer(three, captured::kShutdown3Offer, captured::kShutdown3Choice);
    expect_answer(three, captured::kShutdown3, captured::kShutdown3Answer);
    EXPECT_EQ(three.take_effects().at(0).message, "goodbye");
}

TEST(CapturedVersions, KvpThreeIsAnsweredAsLinuxAndItsDaemonDo) {
    MemoryKvpStore store;
    KvpGuest guest(store);
    ASSERT_TRUE(store.set(KvpPool::kAuto, {"FullyQualifiedDomainName", "hvis-debian12.hvis.test"}));
    expect_answer(guest, captured::kKvp3Offer, captured::kKvp3Choice);
    EXPECT_EQ(guest.message_version(), (Version{3, 0}));
    expect_answer(guest, captured::kKvp3Enumerate, captured::kKvp3EnumerateAnswer);
    expect_answer(guest, captured::kKvp3EnumerateEnd, captured::kKvp3EnumerateEndAnswer);
    expect_answer(guest, captured::kKvp3Set, captured::kKvp3SetAnswer);
    EXPECT_EQ(store.find(KvpPool::kExternal, "answer"), (KvpPair{"answer", "42"}));
    expect_answer(guest, captured::kKvp3Delete, captured::kKvp3DeleteAnswer);
    EXPECT_EQ(store.find(KvpPool::kExternal, "answer"), std::nullopt);
}

// The host's half: what it sent is what it would send again.
TEST(CapturedVersions, TimeSamplesOfOldVersionsAreReadAndWrittenByteForByte) {
    constexpr wire::IcVersion kThree{3, 0};
    const wire::TimeSample sync{.parent_time = 0x01dd7f3d943dbd55, .flags = wire::kTimeSyncSync};
    EXPECT_EQ(wire::format_time_sample(sync, kThree), body_of(captured::kTimeSync3));
    EXPECT_EQ(wire::parse_time_sample(body_of(captured::kTimeSync3Answer), kThree), sync);
    const wire::TimeSample sample{
        .parent_time = 0x01dd7f3d972978bd, .round_trip = 0x40e1da, .flags = wire::kTimeSyncSample};
    EXPECT_EQ(wire::format_time_sample(sample, kThree), body_of(captured::kTimeSample3));
    EXPECT_EQ(wire::parse_time_sample(body_of(captured::kTimeSample3Answer), kThree), sample);
}

}  // namespace
}  // namespace hvis::ic

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ic/heartbeat_guest.h"
#include "ic/kvp_guest.h"
#include "ic/shutdown_guest.h"
#include "ic/time_sync_guest.h"
#include "wire/captured_kvp.h"
#include "wire/captured_packets.h"
#include "wire/test_bytes.h"

namespace hvis::ic {
namespace {

namespace captured = wire::captured;
using wire::hex;

/// The answer of one of our guest halves to a packet that hvis-vm sent to a Debian guest, padded
/// as the ring pads it.
Bytes answer_of(GuestService& guest, std::string_view request) {
    Bytes packet = hex(request);
    packet.resize((packet.size() + 7) / 8 * 8);
    auto answer = guest.packet_received(packet, Clocks{});
    EXPECT_TRUE(answer && *answer) << request;
    return answer && *answer ? **answer : Bytes{};
}

TEST(CapturedGuest, HeartbeatAnswersAsLinuxDoes) {
    HeartbeatGuest guest;
    EXPECT_EQ(answer_of(guest, captured::kHeartbeatOffer), hex(captured::kHeartbeatChoice));
    EXPECT_EQ(answer_of(guest, captured::kBeat), hex(captured::kBeatAnswer));
}

TEST(CapturedGuest, TimeSyncAnswersAsLinuxDoes) {
    TimeSyncGuest guest;
    EXPECT_EQ(answer_of(guest, captured::kTimeSyncOffer), hex(captured::kTimeSyncChoice));
    EXPECT_EQ(answer_of(guest, captured::kTimeSync), hex(captured::kTimeSyncAnswer));
    EXPECT_EQ(answer_of(guest, captured::kTimeSample), hex(captured::kTimeSampleAnswer));
}

TEST(CapturedGuest, ShutdownAnswersAsLinuxDoes) {
    ShutdownGuest guest;
    EXPECT_EQ(answer_of(guest, captured::kShutdownOffer), hex(captured::kShutdownChoice));
    EXPECT_EQ(answer_of(guest, captured::kShutdown), hex(captured::kShutdownAnswer));
    EXPECT_EQ(answer_of(guest, captured::kForcedShutdown), hex(captured::kForcedShutdownAnswer));
    const auto orders = guest.take_effects();
    ASSERT_EQ(orders.size(), 2U);
    EXPECT_EQ(orders[0].message, "goodbye");
    EXPECT_EQ(orders[1].force, ShutdownForce::kYes);
}

/// A guest that knows what the Debian guest knew.
class KnowingKvp {
public:
    KnowingKvp() {
        // Linux takes 4.0 at most, our half 5.0 too: here it is offered what Linux chose.
        Bytes offer = hex(captured::kKvpOffer);
        offer.at(wire::kIcBodyOffset + 24) = std::byte{4};
        EXPECT_TRUE(guest_.packet_received(offer, Clocks{}));
        EXPECT_EQ(guest_.message_version(), (Version{4, 0}));
    }

    MemoryKvpStore store_;
    KvpGuest guest_{store_};
};

TEST(CapturedGuest, KvpAnswersAsLinuxAndItsDaemonDo) {
    KnowingKvp kvp;
    ASSERT_TRUE(
        kvp.store_.set(KvpPool::kAuto, {"FullyQualifiedDomainName", "hvis-debian12.hvis.test"}));
    EXPECT_EQ(answer_of(kvp.guest_, captured::kKvpEnumerate), hex(captured::kKvpEnumerateAnswer));
    EXPECT_EQ(answer_of(kvp.guest_, captured::kKvpEnumerateEnd),
              hex(captured::kKvpEnumerateEndAnswer));
    EXPECT_EQ(answer_of(kvp.guest_, captured::kKvpDeleteMissing),
              hex(captured::kKvpDeleteMissingAnswer));
    EXPECT_EQ(answer_of(kvp.guest_, captured::kKvpSet), hex(captured::kKvpSetAnswer));
    EXPECT_EQ(kvp.store_.find(KvpPool::kExternal, "answer"), (KvpPair{"answer", "42"}));
    (void)answer_of(kvp.guest_, captured::kKvpDelete);
    EXPECT_EQ(kvp.store_.find(KvpPool::kExternal, "answer"), std::nullopt);
    EXPECT_EQ(answer_of(kvp.guest_, captured::kKvpGetIpMissing),
              hex(captured::kKvpGetIpMissingAnswer));
}

}  // namespace
}  // namespace hvis::ic

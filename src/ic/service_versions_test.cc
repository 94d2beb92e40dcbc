// Each service at each version that a host may be told not to go beyond, against a guest that
// speaks them all.
#include "ic/service_versions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ic/fake_link.h"
#include "ic/heartbeat_guest.h"
#include "ic/heartbeat_host.h"
#include "ic/kvp_guest.h"
#include "ic/kvp_host.h"
#include "ic/shutdown_guest.h"
#include "ic/shutdown_host.h"
#include "ic/time_sync_guest.h"
#include "ic/time_sync_host.h"
#include "wire/timesync.h"

namespace hvis::ic {
namespace {

using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

/// The last packet that the host sent.
wire::IcPacket last_sent(const FakeLink& link) {
    auto packet = wire::parse_ic_packet(link.sent().back());
    EXPECT_TRUE(packet);
    return packet.value_or(wire::IcPacket{});
}

/// Bytes of the packet's body, as numbers.
std::vector<int> bytes_at(const wire::IcPacket& packet, size_t offset, size_t count) {
    std::vector<int> bytes;
    for (const auto byte : packet.body.subspan(offset, count)) {
        bytes.push_back(std::to_integer<int>(byte));
    }
    return bytes;
}

TEST(ServiceVersions, HeartbeatBeatsTheSameAtBoth) {
    for (const Version version : kHeartbeatVersions) {
        HeartbeatHost host({}, version);
        HeartbeatGuest guest;
        FakeLink link(host, guest);
        link.open();
        link.advance(seconds(10));
        EXPECT_EQ(guest.message_version(), version);
        EXPECT_EQ(last_sent(link).header.message, version);
        EXPECT_EQ(host.counters().answered, 6U);
        EXPECT_EQ(host.report(link.clocks()).primary, Primary::kOk);
        EXPECT_EQ(host.report(link.clocks()).message, version);
    }
}

TEST(ServiceVersions, ShutdownTellsWhatEachCannotDo) {
    struct Case {
        Version version;
        std::vector<ShutdownKind> possible;
        std::string_view explanation;
    };
    const std::vector<Case> cases = {
        {{1, 0},
         {ShutdownKind::kShutdown},
         "too old to restart or hibernate it: let it have newer ones"},
        {{3, 0},
         {ShutdownKind::kShutdown},
         "too old to restart or hibernate it: let it have newer ones"},
        {{3, 1}, {ShutdownKind::kShutdown, ShutdownKind::kRestart}, "too old to hibernate it"},
        {{3, 2},
         {ShutdownKind::kShutdown, ShutdownKind::kRestart, ShutdownKind::kHibernate},
         "restarted and hibernated"}};
    for (const Case& each : cases) {
        ShutdownHost host(each.version);
        ShutdownGuest guest;
        guest.set_hibernation_supported(true);
        FakeLink link(host, guest);
        link.open();
        EXPECT_EQ(guest.message_version(), each.version);
        EXPECT_THAT(host.report(link.clocks()).explanation, HasSubstr(each.explanation));
        std::vector<ShutdownKind> ordered;
        for (const auto kind :
             {ShutdownKind::kShutdown, ShutdownKind::kRestart, ShutdownKind::kHibernate}) {
            ShutdownRequest request;
            request.kind = kind;
            if (const auto id = host.request(request, link.clocks()); !id) {
                EXPECT_EQ(id.error().code, Errc::kUnsupported);
            }
            link.pump();
            for (const auto& order : guest.take_effects()) {
                ordered.push_back(order.kind);
            }
        }
        EXPECT_EQ(ordered, each.possible);
        EXPECT_EQ(last_sent(link).header.message, each.version);
    }
}

// Linux: struct ictimesync_data before 4.0, struct ictimesync_ref_data from then on.
TEST(ServiceVersions, TimeSyncHasItsOwnLayoutBeforeFour) {
    for (const Version version : {Version{1, 0}, Version{3, 0}}) {
        TimeSyncHost host(version);
        TimeSyncGuest guest;
        FakeLink link(host, guest);
        link.open();
        EXPECT_EQ(guest.message_version(), version);
        auto packet = last_sent(link);
        EXPECT_EQ(packet.header.message, version);
        ASSERT_THAT(packet.body, SizeIs(28U));
        constexpr size_t kFlags = 24;
        EXPECT_THAT(bytes_at(packet, kFlags, 4), ElementsAre(wire::kTimeSyncSync, 0, 0, 0));
        link.advance(seconds(5));
        packet = last_sent(link);
        EXPECT_THAT(bytes_at(packet, kFlags, 4), ElementsAre(wire::kTimeSyncSample, 0, 0, 0));
        const auto sample = wire::parse_time_sample(packet.body, version);
        ASSERT_TRUE(sample);
        EXPECT_EQ(sample->parent_time, link.clocks().wall.ticks);
        EXPECT_EQ(sample->child_time, 0U) << "the guest's to fill in";
        EXPECT_THAT(guest.take_effects(),
                    ElementsAre(TimeSyncGuest::Sample{{FakeLink::kWallStart}, true},
                                TimeSyncGuest::Sample{link.clocks().wall, false}));
        EXPECT_EQ(host.report(link.clocks()).primary, Primary::kOk);
        EXPECT_EQ(host.guest_offset(), Ticks(0)) << "the guest told its clock, which is the same";
    }
}

TEST(ServiceVersions, TimeSyncCarriesTheReferenceTimeAtFour) {
    TimeSyncHost host(Version{4, 0});
    TimeSyncGuest guest;
    FakeLink link(host, guest);
    link.open();
    const auto packet = last_sent(link);
    EXPECT_EQ(packet.header.message, (Version{4, 0}));
    ASSERT_THAT(packet.body, SizeIs(24U));
    EXPECT_THAT(bytes_at(packet, 16, 3), ElementsAre(wire::kTimeSyncSync, 0, 0));
    EXPECT_EQ(wire::parse_time_sample(packet.body, {4, 0})->reference_time,
              FakeLink::kReferenceStart);
}

/// A key/value exchange capped at a version.
struct KvpRig {
    MemoryKvpStore store;
    KvpHost host;
    KvpGuest guest{store};
    FakeLink link{host, guest};

    explicit KvpRig(Version newest) : host(newest) { link.open(); }

    KvpFinished end_of(const Result<RequestId>& id) {
        EXPECT_TRUE(id);
        link.pump();
        auto effects = host.take_effects();
        EXPECT_THAT(effects, SizeIs(1));
        return effects.size() == 1 ? effects[0] : KvpFinished{};
    }
};

KvpIpInfo settings() {
    KvpIpInfo info;
    info.adapter = "00:15:5D:01:02:03";
    info.ipv4 = true;
    info.addresses = {"192.168.1.4"};
    info.subnets = {"255.255.255.0"};
    info.gateways = {"192.168.1.1"};
    info.dns_servers = {"192.168.1.2"};
    return info;
}

TEST(ServiceVersions, KvpExchangesPairsTheSameAtAll) {
    for (const Version version : kKvpVersions) {
        KvpRig rig(version);
        const auto now = rig.link.clocks();
        EXPECT_EQ(rig.guest.message_version(), version);
        EXPECT_EQ(rig.end_of(rig.host.set(KvpPool::kExternal, {"EEE", "999"}, now)).outcome,
                  Outcome::kDone);
        EXPECT_EQ(last_sent(rig.link).header.message, version);
        EXPECT_THAT(last_sent(rig.link).body, SizeIs(wire::kKvpBodySize));
        EXPECT_THAT(rig.end_of(rig.host.list(KvpPool::kExternal, now)).pairs,
                    ElementsAre(KvpPair{"EEE", "999"}));
        EXPECT_EQ(rig.end_of(rig.host.add(KvpPool::kExternal, {"EEE", "1"}, now)).status,
                  wire::kIcAlreadyExists);
        EXPECT_EQ(rig.end_of(rig.host.remove(KvpPool::kExternal, "EEE", now)).outcome,
                  Outcome::kDone);
        EXPECT_THAT(rig.store.pairs(KvpPool::kExternal), IsEmpty());
    }
}

TEST(ServiceVersions, KvpHasNoIpSettingsAtThree) {
    KvpRig rig({3, 0});
    const auto now = rig.link.clocks();
    const auto sent = rig.link.sent().size();
    EXPECT_EQ(rig.host.get_ip_info("00:15:5d:01:02:03", now).error().code, Errc::kUnsupported);
    EXPECT_EQ(rig.host.set_ip_info(settings(), now).error().code, Errc::kUnsupported);
    rig.link.pump();
    EXPECT_THAT(rig.link.sent(), SizeIs(sent));
    const auto report = rig.host.report(now);
    EXPECT_EQ(report.primary, Primary::kDegraded);
    EXPECT_THAT(
        report.explanation,
        HasSubstr("no IP settings: let it have newer ones (hvis vm set NAME --service-version"));
}

TEST(ServiceVersions, KvpReadsAndSetsIpSettingsFromFourOn) {
    for (const Version version : {Version{4, 0}, Version{5, 0}}) {
        KvpRig rig(version);
        const auto now = rig.link.clocks();
        rig.store.add_adapter(settings());
        EXPECT_EQ(rig.end_of(rig.host.get_ip_info("00:15:5d:01:02:03", now)).ip_info, settings());
        auto changed = settings();
        changed.addresses = {"10.0.0.9"};
        EXPECT_EQ(rig.end_of(rig.host.set_ip_info(changed, now)).outcome, Outcome::kDone);
        EXPECT_EQ(rig.store.ip_info(changed.adapter), changed);
        EXPECT_THAT(last_sent(rig.link).body, SizeIs(wire::kKvpIpBodySize));
        EXPECT_EQ(rig.host.report(now).primary, Primary::kOk);
    }
}

// Linux: struct hv_kvp_ip_msg and hv_kvp_ipaddr_value; OpenVMM: MessageIpAddressInfoBinary.
TEST(ServiceVersions, KvpWritesIpSettingsAsTextAtFourAndBinaryAtFive) {
    const auto set_by = [](Version version) {
        KvpRig rig(version);
        EXPECT_TRUE(rig.host.set_ip_info(settings(), rig.link.clocks()));
        rig.link.pump();
        return rig.link.sent().back();
    };
    const Bytes text = set_by({4, 0});
    constexpr int kSetIpInfo = 5;
    // The adapter's name follows the operation and the pool; its first letters in UTF-16.
    EXPECT_THAT(bytes_at(*wire::parse_ic_packet(text), 0, 6),
                ElementsAre(kSetIpInfo, testing::_, '0', 0, '0', 0));
    constexpr size_t kAddresses = 2 + 256 + 2;
    EXPECT_THAT(bytes_at(*wire::parse_ic_packet(text), kAddresses, 8),
                ElementsAre('1', 0, '9', 0, '2', 0, '.', 0));
    const Bytes binary = set_by({5, 0});
    // Two bytes of padding, then how many there are of each kind: one IPv4 address, no IPv6 one.
    EXPECT_THAT(bytes_at(*wire::parse_ic_packet(binary), 0, 12),
                ElementsAre(kSetIpInfo, testing::_, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0));
    const std::array<std::byte, 4> address = {std::byte{192}, std::byte{168}, std::byte{1},
                                              std::byte{4}};
    EXPECT_FALSE(std::ranges::search(binary, address).empty());
    EXPECT_TRUE(std::ranges::search(text, address).empty());
}

}  // namespace
}  // namespace hvis::ic

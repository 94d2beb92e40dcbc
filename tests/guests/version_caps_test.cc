// Services at older versions than the guest's newest, because the host offers no newer ones.
// Acceptance case 52, and the same of the other services.
#include <chrono>
#include <string>

#include "harness/guest_clock.h"
#include "harness/guest_test.h"
#include "harness/kvp_view.h"

namespace hvis::guests {
namespace {

using namespace std::chrono_literals;

/// The newest version of each service that one machine offers.
struct Caps {
    const char* heartbeat;
    const char* shutdown;
    const char* timesync;
    const char* kvp;
};

class VersionCaps : public GuestTest, public testing::WithParamInterface<Caps> {
protected:
    VersionCaps()
        : GuestTest({.name = "version-caps",
                     .version_caps = {{"heartbeat", GetParam().heartbeat},
                                      {"shutdown", GetParam().shutdown},
                                      {"timesync", GetParam().timesync},
                                      {"kvp", GetParam().kvp}}}) {}

    [[nodiscard]] static bool has_ip_settings() { return GetParam().kvp != std::string("3.0"); }

    /// Two of the services can do less at these versions, and say so.
    void expect_ready() override {
        guest().expect_service("heartbeat", "ok");
        guest().expect_service("timesync", "ok");
        guest().expect_service("shutdown", "degraded");
        guest().expect_service("kvp", has_ip_settings() ? "ok" : "degraded");
    }

    /// What hv_utils prints, and what the host says.
    void expect_version(const std::string& service, const std::string& driver,
                        const std::string& version) {
        const std::string words = driver + " IC version ";
        EXPECT_EQ(guest().dmesg_count("hv_utils: " + words + version + "$"), 1)
            << guest().dmesg(words);
        EXPECT_EQ(guest()->service(service).message, version);
    }
};

TEST_P(VersionCaps, AreTheVersionsThatTheGuestTakes) {
    expect_version("heartbeat", "Heartbeat", GetParam().heartbeat);
    expect_version("shutdown", "Shutdown", GetParam().shutdown);
    expect_version("timesync", "TimeSync", GetParam().timesync);
    expect_version("kvp", "KVP", GetParam().kvp);
}

TEST_P(VersionCaps, SetTheClock) {
    shift_clock(guest(), -40000s);
    const auto mark = guest()->mark();
    const Reply set = guest()->call(control::TimeSyncCommand{});
    ASSERT_TRUE(set.ok()) << set;
    EXPECT_EQ(guest()->wait_for_event("time_synced", mark).fields.at("reason"), "request");
    ClockOffset offset{};
    EXPECT_TRUE(wait_until([&] { return (offset = clock_offset(guest())).may_be(0s, 1s); }))
        << offset;
}

// A sample without the order moves no clock in the older layout either.
TEST_P(VersionCaps, LeaveTheClockAloneBetweenOrders) {
    const auto samples = [&] {
        return guest()->call(control::TimeShowCommand{}).number("/samples");
    };
    shift_clock(guest(), 100s);
    const int64_t before = samples();
    EXPECT_TRUE(wait_until([&] { return samples() >= before + 2; }));
    const ClockOffset offset = clock_offset(guest());
    EXPECT_TRUE(offset.may_be(100s, 2s)) << offset;
    EXPECT_TRUE(guest()->call(control::TimeSyncCommand{}).ok());
}

TEST_P(VersionCaps, AnswerHeartbeats) {
    const auto answered = [&] {
        return guest()->call(control::HeartbeatShowCommand{}).number("/answered");
    };
    const int64_t before = answered();
    EXPECT_TRUE(wait_until([&] { return answered() >= before + 2; }));
}

TEST_P(VersionCaps, ExchangePairs) {
    const Reply set = guest()->call(control::KvpSetCommand{.key = "EEE", .value = "999"});
    ASSERT_TRUE(set.ok()) << set;
    EXPECT_EQ(value_of(records(guest(), 0), "EEE"), "999");
    const Reply listed = guest()->call(control::KvpListCommand{.pool = control::Pool::kExternal});
    ASSERT_TRUE(listed.ok()) << listed;
    EXPECT_EQ(value_of(listed.pairs("/pairs"), "EEE"), "999");
    const Reply facts = guest()->call(control::KvpListCommand{.pool = control::Pool::kAuto});
    EXPECT_EQ(value_of(facts.pairs("/pairs"), "OSBuildNumber"), guest().output("uname -r"));
    EXPECT_TRUE(guest()->call(control::KvpDeleteCommand{.key = "EEE"}).ok());
    EXPECT_EQ(value_of(records(guest(), 0), "EEE"), std::nullopt);
}

TEST_P(VersionCaps, RefuseWhatTheVersionCannotCarry) {
    const Reply restart = guest()->call(control::ShutdownCommand{
        .action = control::ShutdownCommand::Action::kRestart, .message = {}});
    EXPECT_EQ(restart.code(), "failed") << restart;
    EXPECT_EQ(restart.failure().outcome, "") << "the guest was not asked";
    if (!has_ip_settings()) {
        const Reply ip = guest()->call(control::IpSetCommand{
            .adapter = "f8615163-df3e-46c5-913f-f2d2f965ed0e", .addresses = {"192.168.7.2/24"}});
        EXPECT_EQ(ip.code(), "failed") << ip;
        EXPECT_EQ(ip.failure().outcome, "");
    }
    EXPECT_EQ(guest()->state(), "running");
}

// The last: the guest is of no use afterwards.
TEST_P(VersionCaps, ShutTheGuestDown) {
    const Reply done = guest()->call(control::ShutdownCommand{.message = {}});
    EXPECT_TRUE(done.ok()) << done;
    EXPECT_EQ(guest()->wait_exit(), 0);
    give_up_guest();
}

// A suite each, so that all tests of one find the machine that is there.
INSTANTIATE_TEST_SUITE_P(
    VersionThree, VersionCaps,
    testing::Values(Caps{.heartbeat = "1.0", .shutdown = "3.0", .timesync = "3.0", .kvp = "3.0"}));
INSTANTIATE_TEST_SUITE_P(
    VersionOne, VersionCaps,
    testing::Values(Caps{.heartbeat = "1.0", .shutdown = "1.0", .timesync = "1.0", .kvp = "4.0"}));

class ShutdownVersionCap : public GuestTest {
protected:
    ShutdownVersionCap()
        : GuestTest({.name = "shutdown-cap", .version_caps = {{"shutdown", "3.1"}}}) {}

    void expect_ready() override { guest().expect_service("shutdown", "degraded"); }
};

// What 3.1 added, and what only 3.2 did. One test, because it costs a guest.
TEST_F(ShutdownVersionCap, RestartsTheGuestAndDoesNotHibernateIt) {
    EXPECT_EQ(guest().dmesg_count("hv_utils: Shutdown IC version 3.1$"), 1)
        << guest().dmesg("Shutdown IC version");
    const Reply hibernate = guest()->call(control::ShutdownCommand{
        .action = control::ShutdownCommand::Action::kHibernate, .message = {}});
    EXPECT_EQ(hibernate.code(), "failed") << hibernate;
    EXPECT_EQ(hibernate.failure().outcome, "") << "the guest was not asked";
    const auto mark = guest()->mark();
    const Reply restart = guest()->call(control::ShutdownCommand{
        .action = control::ShutdownCommand::Action::kRestart, .message = {}, .timeout = 120s});
    EXPECT_TRUE(restart.ok()) << restart;
    EXPECT_EQ(guest()->wait_for_event("vm_reset", mark).fields.at("by"), "guest");
    give_up_guest();
}

}  // namespace
}  // namespace hvis::guests

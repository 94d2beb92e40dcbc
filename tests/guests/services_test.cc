// Services switched off and on. Acceptance cases 21, 63, 144 to 149.
#include <chrono>

#include "harness/guest_test.h"
#include "harness/kvp_view.h"
#include "harness/vmbus_view.h"

namespace hvis::guests {
namespace {

using namespace std::chrono_literals;
using control::KvpListCommand;
using control::ServiceSwitchCommand;

class Services : public GuestTest, public testing::WithParamInterface<ServiceDevice> {
protected:
    void switch_service(bool enable) {
        const Reply done =
            guest()->call(ServiceSwitchCommand{.service = GetParam().service, .enable = enable});
        EXPECT_TRUE(done.ok()) << done;
    }
    void expect_others_ok() {
        for (const ServiceDevice& other : kServiceDevices) {
            if (other.service != GetParam().service) {
                guest().expect_service(other.name, "ok");
            }
        }
    }
    [[nodiscard]] bool device_comes_and_goes() {
        return GetParam().service == control::Service::kKvp;
    }
};

TEST_P(Services, GoAwayWhenDisabledAndComeBackWhenEnabled) {
    const std::string path = path_of(GetParam());
    const int64_t before = guest().dmesg_count(std::string(GetParam().negotiated));
    switch_service(false);
    EXPECT_TRUE(guest().eventually("! test -e " + path));
    EXPECT_EQ(guest()->service(GetParam().name).primary, "disabled");
    EXPECT_FALSE(guest()->service(GetParam().name).enabled);
    if (device_comes_and_goes()) {
        EXPECT_TRUE(guest().eventually("! test -e /dev/vmbus/hv_kvp"));
    }
    expect_others_ok();
    const auto mark = guest()->mark();
    switch_service(true);
    EXPECT_TRUE(guest().eventually("grep -qx 3 " + path + "/state"));
    (void)guest()->wait_for_event("service_negotiated", std::string(GetParam().name), mark);
    guest().expect_service(GetParam().name, "ok");
    EXPECT_EQ(guest().dmesg_count(std::string(GetParam().negotiated)), before + 1);
}

// Switching what is so already changes nothing, and the guest sees nothing of it.
TEST_P(Services, StayAsTheyAreWhenSwitchedToThat) {
    const auto mark = guest()->mark();
    switch_service(true);
    guest().expect_service(GetParam().name, "ok");
    for (const SeenEvent& event : guest()->events().since(mark)) {
        EXPECT_NE(event.name, "service_enabled");
    }
}

INSTANTIATE_TEST_SUITE_P(Each, Services, testing::ValuesIn(kServiceDevices),
                         [](const auto& each) { return std::string(each.param.name); });

class ServiceCycles : public Services {};

TEST_P(ServiceCycles, AreEnduredTwentyTimesUnderLoad) {
    const std::string load = guest().output(
        "touch /run/load;"
        " sh -c 'while test -e /run/load; do :; done' >/dev/null 2>&1 & echo $!");
    // Neither gone nor a zombie.
    const std::string loaded = "grep -q '^State:.[RSD]' /proc/" + load + "/status";
    EXPECT_TRUE(guest().succeeds(loaded));
    const int64_t negotiated = guest().dmesg_count(std::string(GetParam().negotiated));
    const std::string opened = "grep -qx 3 " + path_of(GetParam()) + "/state";
    for (int i = 0; i < 20; ++i) {
        const auto mark = guest()->mark();
        switch_service(false);
        switch_service(true);
        (void)guest()->wait_for_event("service_negotiated", std::string(GetParam().name), mark);
        // The answer can come before vmbus_open() in the guest has returned; a service that goes
        // away just then is, rightly, a failed probe.
        EXPECT_TRUE(guest().eventually(opened));
        ASSERT_FALSE(HasFailure()) << "cycle " << i;
    }
    EXPECT_TRUE(guest().succeeds(loaded)) << "it was to last";
    (void)guest().output("rm /run/load");
    guest().expect_service(GetParam().name, "ok");
    EXPECT_EQ(guest().dmesg_count(std::string(GetParam().negotiated)), negotiated + 20);
    const Reply facts = guest()->call(KvpListCommand{.timeout = 60s});
    EXPECT_EQ(facts.size("/pairs"), 10U) << facts;
    EXPECT_EQ(guest().number("ls /sys/bus/vmbus/devices | wc -l"), 4);
    // The numbers of channels that the guest has released are used again.
    EXPECT_LT(guest().number("cat /sys/bus/vmbus/devices/*/id | sort -n | tail -1"), 16);
    EXPECT_EQ(guest().number("ls /sys/bus/vmbus/devices/*/channels | grep -c '^[0-9]'"), 4);
    guest().expect_all_services_ok();
}

INSTANTIATE_TEST_SUITE_P(Each, ServiceCycles, testing::ValuesIn(kServiceDevices),
                         [](const auto& each) { return std::string(each.param.name); });

class ServiceRequests : public GuestTest {};

TEST_F(ServiceRequests, EndWithTheServiceAndAreNotMadeUpForLater) {
    (void)guest().output("kill -STOP $(pidof hv_kvp_daemon)");
    std::future<Reply> pending =
        guest()->call_apart(control::KvpSetCommand{.key = "late", .value = "1", .timeout = 300s});
    EXPECT_TRUE(wait_until([&] {
        const Reply stats = guest()->call(control::StatsCommand{});
        return stats.number("/counters/kvp.packets_sent") >
               stats.number("/counters/kvp.packets_received");
    }));
    ASSERT_TRUE(guest()
                    ->call(ServiceSwitchCommand{.service = control::Service::kKvp, .enable = false})
                    .ok());
    const Reply ended = pending.get();
    EXPECT_EQ(ended.code(), "unavailable") << ended;
    EXPECT_EQ(ended.failure().outcome, "service_disabled");
    EXPECT_EQ(guest()->call(KvpListCommand{}).failure().outcome, "service_disabled");
    (void)guest().output("kill -CONT $(pidof hv_kvp_daemon)");
    ASSERT_TRUE(guest()
                    ->call(ServiceSwitchCommand{.service = control::Service::kKvp, .enable = true})
                    .ok());
    guest().expect_service("kvp", "ok");
    // What the old daemon had in hand may have been done in the guest; the host must not repeat it.
    (void)guest()->call(control::KvpDeleteCommand{.key = "late"});
    EXPECT_EQ(records(guest(), 0), Pairs{});
}

class SomeServicesDisabled : public GuestTest {
protected:
    SomeServicesDisabled()
        : GuestTest({.name = "some-disabled", .disabled_services = {"kvp", "heartbeat"}}) {}
};

TEST_F(SomeServicesDisabled, AreNotOfferedAtBoot) {
    EXPECT_EQ(guest().output("ls /sys/bus/vmbus/devices | sort"),
              std::string(kTimesyncDevice.instance) + "\n" + std::string(kShutdownDevice.instance));
    EXPECT_FALSE(guest().succeeds("test -e /dev/vmbus/hv_kvp"));
    EXPECT_EQ(guest()->service("kvp").primary, "disabled");
    EXPECT_EQ(guest()->service("heartbeat").primary, "disabled");
    guest().expect_service("timesync", "ok");
    guest().expect_service("shutdown", "ok");
    ASSERT_TRUE(guest()->call(ServiceSwitchCommand{.service = control::Service::kKvp}).ok());
    guest().expect_service("kvp", "ok");
}

class OtherServicesDisabled : public GuestTest {
protected:
    OtherServicesDisabled()
        : GuestTest({.name = "others-disabled", .disabled_services = {"shutdown", "timesync"}}) {}
};

TEST_F(OtherServicesDisabled, AreNotOfferedAtBoot) {
    EXPECT_EQ(guest().output("ls /sys/bus/vmbus/devices | sort"),
              std::string(kKvpDevice.instance) + "\n" + std::string(kHeartbeatDevice.instance));
    EXPECT_EQ(guest().dmesg_count("PTP clock support registered"), 1);
    guest().expect_service("kvp", "ok");
    guest().expect_service("heartbeat", "ok");
    ASSERT_TRUE(guest()->call(ServiceSwitchCommand{.service = control::Service::kTimesync}).ok());
    guest().expect_service("timesync", "ok");
}

class AllServicesDisabled : public GuestTest {
protected:
    AllServicesDisabled()
        : GuestTest({.name = "all-disabled",
                     .disabled_services = {"heartbeat", "shutdown", "timesync", "kvp"}}) {}
};

TEST_F(AllServicesDisabled, LeaveAnEmptyBus) {
    EXPECT_EQ(guest().output("ls /sys/bus/vmbus/devices"), "");
    EXPECT_EQ(guest().dmesg_count("Vmbus version:"), 1);
    EXPECT_EQ(guest()->state(), "running");
}

}  // namespace
}  // namespace hvis::guests

// Time synchronization. Acceptance cases 8, 44 to 49, 51.
#include <chrono>

#include "harness/guest_clock.h"
#include "harness/guest_test.h"
#include "harness/suite.h"
#include "harness/vmbus_view.h"

namespace hvis::guests {
namespace {

using namespace std::chrono_literals;
using control::MachineCommand;
using control::ServiceSwitchCommand;

class Time : public GuestTest {
protected:
    void switch_service(bool enable) {
        EXPECT_TRUE(guest()
                        ->call(ServiceSwitchCommand{.service = control::Service::kTimesync,
                                                    .enable = enable})
                        .ok());
    }
    void expect_right_clock() {
        ClockOffset offset{};
        EXPECT_TRUE(wait_until([&] { return (offset = clock_offset(guest())).may_be(0s, 1s); }))
            << offset;
    }
    /// Waits until the guest has been given so many more samples.
    void await_samples(int64_t count) {
        const auto samples = [&] {
            return guest()->call(control::TimeShowCommand{}).number("/samples");
        };
        const int64_t before = samples();
        EXPECT_TRUE(wait_until([&] { return samples() >= before + count; }));
    }
};

TEST_F(Time, IsRightAfterTheStart) {
    expect_right_clock();
    const Reply shown = guest()->call(control::TimeShowCommand{});
    EXPECT_GE(shown.number("/syncs"), 1) << shown;
    EXPECT_TRUE(shown.has("/last_sync"));
    EXPECT_TRUE(shown.flag("/reference_time"));
}

TEST_F(Time, IsSetByTheFirstSampleAfterEnabling) {
    const int64_t before = guest().dmesg_count("TimeSync IC version 4.0$");
    switch_service(false);
    shift_clock(guest(), -40000s);
    EXPECT_TRUE(clock_offset(guest()).may_be(-40000s, 5s));
    const auto mark = guest()->mark();
    switch_service(true);
    EXPECT_EQ(guest()->wait_for_event("time_synced", mark).fields.at("reason"), "connected");
    expect_right_clock();
    EXPECT_EQ(guest().dmesg_count("TimeSync IC version 4.0$"), before + 1);
}

// hv_utils comes long after hv_vmbus: the host must not have spent its SYNC before.
TEST_F(Time, IsSetByTheFirstSampleAfterTheDriverCame) {
    unload_utils(guest());
    shift_clock(guest(), -40000s);
    load_utils(guest());
    expect_right_clock();
}

TEST_F(Time, IsNotTouchedByLaterSamples) {
    shift_clock(guest(), 100s);
    await_samples(3);
    const ClockOffset offset = clock_offset(guest());
    EXPECT_TRUE(offset.may_be(100s, 2s)) << offset;
    const auto mark = guest()->mark();
    ASSERT_TRUE(guest()->call(control::TimeSyncCommand{}).ok());
    EXPECT_EQ(guest()->wait_for_event("time_synced", mark).fields.at("reason"), "request");
    expect_right_clock();
}

TEST_F(Time, FollowsSamplesWhenTheGuestSaysSo) {
    constexpr auto kSwitch = "/sys/module/hv_utils/parameters/timesync_implicit";
    EXPECT_EQ(guest().succeeds(std::string("test -e ") + kSwitch), suite().has_implicit_time);
    if (!suite().has_implicit_time) {
        return;  // There is nothing to switch: samples never move this kernel's clock.
    }
    (void)guest().output(std::string("echo Y > ") + kSwitch);
    shift_clock(guest(), -100s);
    expect_right_clock();
    (void)guest().output(std::string("echo N > ") + kSwitch);
}

TEST_F(Time, IsSetAfterAPause) {
    shift_clock(guest(), -100s);
    const auto mark = guest()->mark();
    ASSERT_TRUE(guest()->call(MachineCommand{.action = MachineCommand::Action::kPause}).ok());
    ASSERT_TRUE(guest()->call(MachineCommand{.action = MachineCommand::Action::kResume}).ok());
    EXPECT_EQ(guest()->wait_for_event("time_synced", mark).fields.at("reason"), "resumed");
    expect_right_clock();
}

TEST_F(Time, IsKeptWhileTheServiceIsDisabled) {
    switch_service(false);
    EXPECT_EQ(guest()->call(control::TimeSyncCommand{}).code(), "unavailable");
    expect_right_clock();
    switch_service(true);
    guest().expect_service("timesync", "ok");
    expect_right_clock();
}

TEST_F(Time, IsOfferedAsAPtpClock) {
    EXPECT_EQ(guest().dmesg_count("PTP clock support registered"), 1);
    EXPECT_EQ(guest().output("cat /sys/class/ptp/ptp0/clock_name"), "hyperv");
    const ClockOffset offset = clock_offset(guest(), "probe ptp /dev/ptp0");
    EXPECT_TRUE(offset.may_be(0s, 1s)) << offset;
    constexpr auto kNotSupported = "95";  // EOPNOTSUPP
    EXPECT_EQ(guest().output("probe ptp-set /dev/ptp0"), kNotSupported);
}

class Clocks : public GuestTest {
protected:
    Clocks() : GuestTest({.name = "clocks"}) {}
};

class ClockOfTheDay : public GuestTest {
protected:
    static constexpr std::chrono::seconds kOff = -40000s;
    ClockOfTheDay() : GuestTest({.name = "off", .rtc_offset = kOff}) {}
};

TEST_F(ClockOfTheDay, NeedNotBeRight) {
    ClockOffset offset{};
    EXPECT_TRUE(wait_until([&] { return (offset = clock_offset(guest())).may_be(0s, 1s); }))
        << offset;
    // Made by the kernel long before its drivers came.
    const int64_t made = guest().number("stat -c %Z /dev/null");
    const int64_t now = guest().number("date +%s");
    EXPECT_NEAR(static_cast<double>(made - now), static_cast<double>(kOff.count()), 1200);
}

TEST_F(Clocks, LetTheLocalApicTakeOverTheTimer) {
    constexpr auto kDevice = "/sys/devices/system/clockevents/clockevent0";
    const std::string current = std::string("cat ") + kDevice + "/current_device";
    EXPECT_EQ(guest().output(current), "Hyper-V clockevent");
    (void)guest().output(std::string("echo 'Hyper-V clockevent' > ") + kDevice + "/unbind_device");
    EXPECT_EQ(guest().output(current).substr(0, 5), "lapic");
    guest().expect_all_services_ok();
}

TEST_F(Clocks, LetAnotherSourceTellTheTime) {
    constexpr auto kFolder = "/sys/devices/system/clocksource/clocksource0";
    const std::string current = std::string("cat ") + kFolder + "/current_clocksource";
    const std::string first = guest().output(current);
    (void)guest().output("echo " + first + " > " + kFolder + "/unbind_clocksource");
    EXPECT_NE(guest().output(current), first);
    EXPECT_GE(guest().dmesg_count("Switched to clocksource"), 2);
    const ClockOffset before = clock_offset(guest());
    const int64_t samples = guest()->call(control::TimeShowCommand{}).number("/samples");
    EXPECT_TRUE(wait_until([&] {
        return guest()->call(control::TimeShowCommand{}).number("/samples") > samples + 1;
    }));
    const ClockOffset after = clock_offset(guest());
    EXPECT_TRUE(after.may_be(before.lowest, 1s)) << before << ", then " << after;
    give_up_guest();  // There is no way to bind it again.
}

}  // namespace
}  // namespace hvis::guests

// Shutting down, restarting, hibernating; switching off and resetting. Acceptance cases 35 to 38,
// 40 to 42.
#include <chrono>

#include "harness/guest_test.h"
#include "harness/vmbus_view.h"

namespace hvis::guests {
namespace {

using namespace std::chrono_literals;
using control::MachineCommand;
using control::ServiceSwitchCommand;
using control::ShutdownCommand;

constexpr uint32_t kGeneralFailure = 0x80004005;  // HV_E_FAIL

class Shutdown : public GuestTest {
protected:
    /// The kernel's information goes to the console, where it can be read after the guest's end.
    void show_messages() { (void)guest().output("dmesg -n 7"); }

    void switch_service(bool enable) {
        EXPECT_TRUE(guest()
                        ->call(ServiceSwitchCommand{.service = control::Service::kShutdown,
                                                    .enable = enable})
                        .ok());
    }
};

TEST_F(Shutdown, IsUnavailableWhileTheServiceIsDisabled) {
    const int64_t before = guest().dmesg_count("hv_utils: Shutdown IC version 3.2$");
    switch_service(false);
    const Reply refused = guest()->call(ShutdownCommand{});
    EXPECT_EQ(refused.code(), "unavailable") << refused;
    EXPECT_EQ(refused.failure().outcome, "service_disabled");
    EXPECT_NE(refused.failure().hint, "");
    const auto mark = guest()->mark();
    switch_service(true);
    (void)guest()->wait_for_event("service_negotiated", "shutdown", mark);
    EXPECT_EQ(guest().dmesg_count("hv_utils: Shutdown IC version 3.2$"), before + 1);
    EXPECT_EQ(guest()->state(), "running");
}

TEST_F(Shutdown, FailsAtOnceWithoutTheDriverAndIsNotMadeUpForLater) {
    unload_utils(guest());
    guest().expect_service("shutdown", "no_contact");
    const Reply refused = guest()->call(ShutdownCommand{});
    EXPECT_EQ(refused.code(), "unavailable") << refused;
    EXPECT_EQ(refused.failure().outcome, "guest_not_connected");
    load_utils(guest());
    guest().expect_all_services_ok();
    EXPECT_EQ(guest().dmesg_count("Shutdown request received"), 0);
    EXPECT_EQ(guest()->state(), "running");
}

TEST_F(Shutdown, RefusesToHibernateAGuestThatCannot) {
    const int64_t before = guest().dmesg_count("Hibernation request received");
    const auto mark = guest()->mark();
    const Reply refused = guest()->call(
        ShutdownCommand{.action = ShutdownCommand::Action::kHibernate, .message = {}});
    EXPECT_EQ(refused.code(), "failed") << refused;
    EXPECT_EQ(refused.failure().outcome, "refused");
    EXPECT_EQ(refused.failure().guest_status, kGeneralFailure);
    (void)guest()->wait_for_event("shutdown_refused", mark);
    EXPECT_EQ(guest().dmesg_count("Hibernation request received"), before + 1);
    EXPECT_EQ(guest().dmesg_count("Sent hibernation uevent"), 0);
    EXPECT_EQ(guest()->state(), "running");
}

TEST_F(Shutdown, TimesOutWhenTheGuestHangsOnItsWayDown) {
    (void)guest().output(
        "cp /sbin/poweroff /run/poweroff &&"
        " printf '#!/bin/sh\\nexec sleep 100000\\n' > /sbin/poweroff");
    const auto mark = guest()->mark();
    std::future<Reply> first = guest()->call_apart(ShutdownCommand{.message = {}, .timeout = 20s});
    (void)guest()->wait_for_event("shutdown_accepted", mark);
    const Reply second = guest()->call(ShutdownCommand{.message = {}, .timeout = 1s});
    EXPECT_EQ(second.code(), "failed") << second;
    EXPECT_NE(second.failure().message, "");
    EXPECT_EQ(first.get().code(), "timed_out");
    (void)guest()->wait_for_event("shutdown_timed_out", mark);
    EXPECT_EQ(guest()->state(), "running");
    (void)guest().output("killall sleep; cp /run/poweroff /sbin/poweroff");
}

TEST_F(Shutdown, RefusesMessagesThatAreTooLong) {
    const int64_t before = guest().dmesg_count("Shutdown request received");
    const std::string message(1024, 'x');
    const Reply refused = guest()->call_raw("shutdown", R"({"message":")" + message + R"("})");
    EXPECT_EQ(refused.code(), "usage") << refused;
    EXPECT_EQ(refused.failure().pointer, "/message");
    EXPECT_EQ(guest().dmesg_count("Shutdown request received"), before);
}

TEST_F(Shutdown, RestartsTheGuest) {
    show_messages();
    const auto mark = guest()->mark();
    const Reply restarted = guest()->call(ShutdownCommand{
        .action = ShutdownCommand::Action::kRestart, .message = "an update", .timeout = 120s});
    EXPECT_TRUE(restarted.ok()) << restarted;
    (void)guest()->wait_for_event("shutdown_accepted", mark);
    EXPECT_EQ(guest()->wait_for_event("vm_reset", mark).fields.at("by"), "guest");
    ASSERT_TRUE(guest().wait_ready());
    EXPECT_NE(guest().console().transcript().find(
                  "Restart request received - graceful restart initiated"),
              std::string::npos);
    (void)guest()->wait_for_event("vmbus_connected", mark);
    guest().expect_all_services_ok();
    EXPECT_EQ(guest().dmesg_count("Shutdown IC version 3.2$"), 1) << "a fresh kernel";
}

TEST_F(Shutdown, ShutsTheGuestDownOnceEnabledAgain) {
    switch_service(false);
    const auto mark = guest()->mark();
    switch_service(true);
    (void)guest()->wait_for_event("service_negotiated", "shutdown", mark);
    show_messages();
    const Reply done = guest()->call(
        ShutdownCommand{.force = true, .reason = 0x80000000, .message = {}, .timeout = 120s});
    EXPECT_TRUE(done.ok()) << done;
    EXPECT_EQ(guest()->wait_for_event("vm_powered_off", mark).fields.at("by"), "guest");
    EXPECT_EQ(guest()->wait_exit(), 0);
    EXPECT_NE(guest().console().transcript().find(
                  "Shutdown request received - graceful shutdown initiated"),
              std::string::npos);
    give_up_guest();
}

class MachineVerbs : public GuestTest {};

TEST_F(MachineVerbs, ResetWithoutAskingTheGuest) {
    const auto mark = guest()->mark();
    EXPECT_TRUE(guest()->call(MachineCommand{.action = MachineCommand::Action::kReset}).ok());
    EXPECT_EQ(guest()->wait_for_event("vm_reset", mark).fields.at("by"), "request");
    ASSERT_TRUE(guest().wait_ready());
    guest().expect_all_services_ok();
}

TEST_F(MachineVerbs, SwitchOffWithoutAskingTheGuest) {
    const auto mark = guest()->mark();
    EXPECT_TRUE(guest()->call(MachineCommand{.action = MachineCommand::Action::kPowerOff}).ok());
    EXPECT_EQ(guest()->wait_for_event("vm_powered_off", mark).fields.at("by"), "request");
    EXPECT_EQ(guest()->wait_exit(), 0);
    give_up_guest();
}

class Hibernate : public GuestTest {
protected:
    Hibernate() : GuestTest({.name = "hibernate", .acpi_s4 = true}) {}
};

// Without a swap disk nothing can follow, but the guest must take the request up.
TEST_F(Hibernate, IsAcceptedByAGuestThatCan) {
    const auto mark = guest()->mark();
    const Reply late = guest()->call(ShutdownCommand{
        .action = ShutdownCommand::Action::kHibernate, .message = {}, .timeout = 5s});
    EXPECT_EQ(late.code(), "timed_out") << late;
    (void)guest()->wait_for_event("shutdown_accepted", mark);
    EXPECT_EQ(guest().dmesg_count("Sent hibernation uevent"), 1);
    // Linux 5.10 knows no such file.
    EXPECT_NE(guest().run("cat /sys/bus/vmbus/hibernation").output, "0");
}

}  // namespace
}  // namespace hvis::guests

// The guest crashes: the host hears of it, then does what is configured. Acceptance case 150.
#include "harness/guest_test.h"

namespace hvis::guests {
namespace {

constexpr auto kCrash = "echo c > /proc/sysrq-trigger";

class Crash : public GuestTest {
protected:
    explicit Crash(const char* name = "crash", const char* action = "restart")
        : GuestTest({.name = name, .on_crash = action}) {}

    SeenEvent crash() {
        const auto mark = guest()->mark();
        guest().console().send(kCrash);
        return guest()->wait_for_event("guest_crashed", mark);
    }
};

TEST_F(Crash, IsReportedWithTheGuestsWordsAndTheGuestStartsAnew) {
    const auto mark = guest()->mark();
    const SeenEvent event = crash();
    EXPECT_EQ(event.severity, "critical");
    for (const char* parameter : {"p0", "p1", "p2", "p3", "p4"}) {
        EXPECT_TRUE(event.fields.at(parameter).starts_with("0x")) << parameter;
    }
    const auto with_text = [](const SeenEvent& other) {
        return other.name == "guest_crashed" &&
               other.fields.at("text").find("Kernel panic") != std::string::npos;
    };
    EXPECT_TRUE(guest()->events().wait(mark, with_text, Clock::now() + kEventPatience))
        << "no panic message with the crash";
    (void)guest()->wait_for_event("vm_reset", mark);
    ASSERT_TRUE(guest().wait_ready());
    guest().expect_all_services_ok();
    EXPECT_EQ(guest().dmesg_count("Vmbus version:"), 1);
}

TEST_F(Crash, IsRememberedByTheStatus) {
    (void)crash();
    ASSERT_TRUE(guest().wait_ready());
    const Reply status = guest()->call(control::StatusCommand{});
    EXPECT_EQ(status.text("/state"), "running");
    EXPECT_NE(status.text("/crash/text").find("Kernel panic"), std::string::npos) << status;
    EXPECT_EQ(status.size("/crash/parameters"), 5U);
    EXPECT_NE(status.text("/crash/at"), "");
}

// Without the message there are still the registers.
TEST_F(Crash, IsReportedWithoutWordsWhenTheGuestKeepsThemBack) {
    (void)guest().output("echo 0 > /proc/sys/kernel/hyperv_record_panic_msg");
    const auto mark = guest()->mark();
    const SeenEvent event = crash();
    EXPECT_EQ(event.fields.at("text"), "");
    (void)guest()->wait_for_event("vm_reset", mark);
    ASSERT_TRUE(guest().wait_ready());
}

class CrashThatStops : public Crash {
protected:
    CrashThatStops() : Crash("crash-stop", "stop") {}
};

TEST_F(CrashThatStops, EndsTheMachineWithAFailure) {
    const auto mark = guest()->mark();
    (void)crash();
    (void)guest()->wait_for_event("vm_stopped", mark);
    EXPECT_EQ(guest()->wait_exit(), 1);
    give_up_guest();
}

class Restarts : public GuestTest {
protected:
    Restarts() : GuestTest({.name = "restarts"}) {}
};

// A start/stop loop leaves no trace of a crash and nothing behind in the host. Acceptance cases 27,
// 153.
TEST_F(Restarts, LeaveNothingBehind) {
    Process& worker = guest()->process();
    const auto restart = [&] {
        ASSERT_TRUE(
            guest()
                ->call(control::MachineCommand{.action = control::MachineCommand::Action::kReset})
                .ok());
        ASSERT_TRUE(guest().wait_ready());
        guest().expect_all_services_ok();
    };
    restart();
    const size_t files = worker.open_files();
    const uint64_t memory = worker.private_bytes();
    for (int i = 0; i < 4; ++i) {
        restart();
        ASSERT_FALSE(HasFailure()) << "start " << i;
    }
    EXPECT_EQ(worker.open_files(), files);
    EXPECT_LT(worker.private_bytes(), memory + (4U << 20));
    for (const SeenEvent& event : guest()->events().since(0)) {
        EXPECT_NE(event.name, "guest_crashed");
        EXPECT_NE(event.severity, "critical") << event.text;
    }
}

}  // namespace
}  // namespace hvis::guests

// Guests with several processors. Acceptance cases 7, 9, 17, 28.
#include "harness/guest_test.h"
#include "harness/vmbus_view.h"

namespace hvis::guests {
namespace {

class Processors : public GuestTest {
protected:
    Processors() : GuestTest({.name = "processors", .processors = 4}) {}
};

TEST_F(Processors, AreAllThere) {
    EXPECT_EQ(guest().output("nproc"), "4");
    EXPECT_EQ(guest()->call(control::StatusCommand{}).number("/processors"), 4);
    // HV_X64_MSR_VP_INDEX
    EXPECT_EQ(guest().output("for c in 0 1 2 3; do echo $(($(probe rdmsr $c 0x40000002))); done"),
              "0\n1\n2\n3");
}

TEST_F(Processors, HaveAClockEventDeviceEach) {
    EXPECT_EQ(guest().number("grep -c 'Hyper-V clockevent' /proc/timer_list"), 4);
}

// Timers that need no message interrupt directly (HVS); otherwise by the SynIC (HYP).
TEST_F(Processors, GetTheirTimerInterrupts) {
    (void)guest().output(
        "for c in 0 1 2 3; do taskset $((1 << c)) sh -c"
        " 'i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done'; done");
    EXPECT_TRUE(guest().eventually(
        "grep -E '^ *HVS: +[1-9][0-9]* +[1-9][0-9]* +[1-9][0-9]* +[1-9]' /proc/interrupts ||"
        " grep -E '^ *HYP: +[1-9][0-9]* +[1-9][0-9]* +[1-9][0-9]* +[1-9]' /proc/interrupts"))
        << guest().output("cat /proc/interrupts");
}

TEST_F(Processors, TakeOverAChannel) {
    const std::string cpu = path_of(kHeartbeatDevice) + "/channels/*/cpu";
    const auto moved_to = [&](const std::string& processor) {
        EXPECT_EQ(guest().output("echo " + processor + " > $(echo " + cpu + ") && cat " + cpu),
                  processor);
        const std::string count = "awk '/HYP:/ {print $" +
                                  std::to_string(std::stoi(processor) + 2) + "}' /proc/interrupts";
        const std::string before = guest().output(count);
        EXPECT_TRUE(guest().eventually("test $(" + count + ") -gt " + before))
            << "no interrupt on processor " << processor;
        guest().expect_service("heartbeat", "ok");
    };
    moved_to("2");
    moved_to("0");
}

// A kernel refuses to take a processor offline that serves a channel, or moves the channel first.
TEST_F(Processors, GoOfflineOnceNoChannelNeedsThem) {
    const std::string cpu = path_of(kHeartbeatDevice) + "/channels/*/cpu";
    const std::string online = "/sys/devices/system/cpu/cpu3/online";
    (void)guest().output("echo 3 > $(echo " + cpu + ")");
    const bool refused = !guest().succeeds("echo 0 > " + online);
    EXPECT_EQ(guest().output("cat " + cpu) == "3", refused);
    (void)guest().output("echo 0 > $(echo " + cpu + ") && echo 0 > " + online);
    EXPECT_EQ(guest().output("nproc"), "3");
    guest().expect_all_services_ok();
    (void)guest().output("echo 1 > " + online);
    EXPECT_EQ(guest().output("nproc"), "4");
    guest().expect_all_services_ok();
}

class EightProcessors : public GuestTest {
protected:
    EightProcessors() : GuestTest({.name = "eight", .processors = 8}) {}
};

TEST_F(EightProcessors, RunTheServices) {
    EXPECT_EQ(guest().output("nproc"), "8");
    EXPECT_EQ(guest().number("grep -c 'Hyper-V clockevent' /proc/timer_list"), 8);
    const Reply facts = guest()->call(control::KvpListCommand{});
    EXPECT_TRUE(facts.ok()) << facts;
}

}  // namespace
}  // namespace hvis::guests

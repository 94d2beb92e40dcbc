// What the guest's kernel says about the machine when it starts. Acceptance cases 1, 2, 8, 10, 20,
// 30 and section 1.
#include "harness/guest_clock.h"
#include "harness/guest_test.h"
#include "harness/suite.h"

namespace hvis::guests {
namespace {

class Boot : public GuestTest {};

TEST_F(Boot, IsRecognizedAsHyperV) {
    EXPECT_EQ(guest().dmesg_count("Hypervisor detected: Microsoft Hyper-V"), 1);
    EXPECT_EQ(guest().dmesg_count("Hyper-V: (privilege|features)"), 1);
    EXPECT_EQ(guest().dmesg_count("Booting paravirtualized kernel on (KVM|bare hardware)"), 0);
}

// TLFS "Reporting the Guest OS Identity"; Linux: hv_generate_guest_id().
TEST_F(Boot, ReportsItsKernelAsThePlatformId) {
    // uname -r of Debian may name its ABI; the build's description has the patch level.
    const std::string release = guest().output("uname -v | sed 's/.*Debian //'");
    unsigned major = 0;
    unsigned minor = 0;
    unsigned patch = 0;
    ASSERT_EQ(std::sscanf(release.c_str(), "%u.%u.%u", &major, &minor, &patch), 3) << release;
    const uint64_t id =
        std::strtoull(guest().output("probe rdmsr 0 0x40000000").c_str(), nullptr, 16);
    EXPECT_EQ(id >> 56, 0x81U) << "an open source system (bit 63) of type Linux";
    EXPECT_EQ(id >> 32 & 0xff, major);
    EXPECT_EQ(id >> 24 & 0xff, minor);
    EXPECT_EQ(id >> 16 & 0xff, std::min(patch, 255U));
}

TEST_F(Boot, SpeaksTheNewestVmbusVersionOfItsKernel) {
    EXPECT_EQ(guest().dmesg_count("hv_vmbus.*Vmbus.*version"), 1);
    const std::string version(suite().vmbus_version);
    EXPECT_EQ(guest().dmesg_count("hv_vmbus: Vmbus version:" + version + "$"), 1)
        << guest().dmesg("Vmbus version");
    EXPECT_EQ(guest()->call(control::StatusCommand{}).text("/vmbus_version"), version);
}

TEST_F(Boot, NegotiatesTheNewestVersionOfEachService) {
    EXPECT_EQ(guest().dmesg_count("hv_utils: Heartbeat IC version 3.0$"), 1);
    EXPECT_EQ(guest().dmesg_count("hv_utils: Shutdown IC version 3.2$"), 1);
    EXPECT_EQ(guest().dmesg_count("hv_utils: TimeSync IC version 4.0$"), 1);
    EXPECT_TRUE(guest().eventually("dmesg | grep -q 'hv_utils: KVP IC version 4.0$'"));
    EXPECT_EQ(guest().dmesg_count("KVP IC version"), 1);
    EXPECT_EQ(guest()->service("heartbeat").message, "3.0");
    EXPECT_EQ(guest()->service("shutdown").message, "3.2");
    EXPECT_EQ(guest()->service("timesync").message, "4.0");
    EXPECT_EQ(guest()->service("kvp").message, "4.0");
    for (const std::string_view service : control::kServiceWords) {
        EXPECT_EQ(guest()->service(service).framework, "3.0") << service;
    }
}

TEST_F(Boot, KeepsTimeWithAClockThatNeedsNoExit) {
    constexpr auto kFolder = "cat /sys/devices/system/clocksource/clocksource0/";
    const std::string current = guest().output(std::string(kFolder) + "current_clocksource");
    EXPECT_TRUE(current == "hyperv_clocksource_tsc_page" || current == "tsc") << current;
    const std::string available = guest().output(std::string(kFolder) + "available_clocksource");
    EXPECT_NE(available.find("hyperv_clocksource_tsc_page"), std::string::npos) << available;
}

TEST_F(Boot, ReadsTheTimeWithoutEnteringTheKernel) {
    const int64_t few = guest().number("probe clock-calls 1000");
    const int64_t many = guest().number("probe clock-calls 1000000");
    // A system call takes well over 100 ns even on real hardware: a million of them over 100 ms.
    EXPECT_LT(many - few, 100) << "milliseconds in the kernel";
}

TEST_F(Boot, HasAHyperVClockEventDevice) {
    EXPECT_EQ(guest().number("grep -c 'Hyper-V clockevent' /proc/timer_list"), 1);
}

TEST_F(Boot, LeavesACleanLog) {
    EXPECT_EQ(guest().dmesg(kTrouble), "");
    EXPECT_EQ(guest().dmesg_count("hv_vmbus: Unknown GUID"), 0);
    EXPECT_EQ(guest().dmesg_count("hv_utils: Registering HyperV Utility Driver"), 1);
    EXPECT_EQ(guest().dmesg_count("hv_vmbus: registering driver hv_utils"), 1);
}

TEST_F(Boot, HasTheCrashRegistersTurnedOn) {
    // Linux sets this where the host takes crash reports; since 5.18 it also says so.
    EXPECT_EQ(guest().output("cat /sys/module/kernel/parameters/crash_kexec_post_notifiers"), "Y");
    EXPECT_EQ(guest().output("cat /proc/sys/kernel/hyperv_record_panic_msg"), "1");
}

class Exits : public GuestTest {};

// Each request is one ring kick from the guest and one to it; both stay in the kernel.
TEST_F(Exits, AreNotCausedByRingKicks) {
    (void)guest()->call(control::KvpListCommand{});
    const Reply before = guest()->call(control::StatsCommand{});
    constexpr int kLists = 10;
    for (int i = 0; i < kLists; ++i) {
        const Reply list = guest()->call(control::KvpListCommand{});
        ASSERT_TRUE(list.ok()) << list;
        ASSERT_GE(list.size("/pairs"), 10U);  // each pair is a request of its own
    }
    const Reply after = guest()->call(control::StatsCommand{});
    for (const char* reason : {"hypercall", "post_message", "synic", "memory"}) {
        const std::string pointer = std::string("/exits/") + reason;
        ASSERT_TRUE(after.has(pointer)) << after;
        EXPECT_EQ(after.number(pointer), before.number(pointer)) << reason;
    }
}

class Confinement : public GuestTest {};

TEST_F(Confinement, IsOnEveryThreadOfTheWorkerAndTighterOnItsProcessors) {
    size_t processors = 0;
    const auto threads = guest()->process().threads();
    for (const Process::Thread& thread : threads) {
        EXPECT_EQ(thread.seccomp, 2U) << thread.name;
        if (thread.name.starts_with("vcpu")) {
            ++processors;
            EXPECT_GE(thread.seccomp_filters, 2U) << thread.name;
        }
    }
    EXPECT_EQ(processors, 1U);
    EXPECT_GE(threads.size(), 2U) << "the loop has one of its own";
}

}  // namespace
}  // namespace hvis::guests

// Drivers that go and come back. Acceptance cases 16, 21, 22, 23; and the guest's half of the
// services unloaded and loaded 50 times.
#include "harness/guest_test.h"
#include "harness/suite.h"
#include "harness/vmbus_view.h"

namespace hvis::guests {
namespace {

class Modules : public GuestTest {
protected:
    Modules() : GuestTest({.name = "modules"}) {}

    static constexpr auto kReload = "rmmod hv_utils && modprobe hv_utils";
};

TEST_F(Modules, ReloadTheServicesFiftyTimes) {
    stop_kvp_daemon(guest());
    Process& worker = guest()->process();
    const auto reload_until_served = [&] {
        // Every second time the driver goes again before the host has finished with its coming.
        (void)guest().output(std::string(kReload) + " && " + kReload);
        EXPECT_TRUE(guest().eventually("! grep -L 3 /sys/bus/vmbus/devices/*/state | grep -q ."));
        guest().expect_service("heartbeat", "ok");
    };
    reload_until_served();
    const uint64_t memory = worker.private_bytes();
    const size_t files = worker.open_files();
    for (int i = 0; i < 24; ++i) {
        reload_until_served();
        ASSERT_FALSE(HasFailure()) << "reload " << 2 * i + 2;
    }
    EXPECT_EQ(guest().dmesg_count("hv_utils: De-Registered HyperV Utility Driver"), 50);
    EXPECT_EQ(worker.open_files(), files);
    EXPECT_LT(worker.private_bytes(), memory + (4U << 20));
    start_kvp_daemon(guest());
    guest().expect_all_services_ok();
}

TEST_F(Modules, ComeBackWithTheSameDevicesAfterUnload) {
    const std::string devices = guest().output("ls /sys/bus/vmbus/devices");
    if (suite().vmbus_is_a_module) {
        for (int i = 0; i < 10; ++i) {
            const auto mark = guest()->mark();
            unload_vmbus(guest());
            if (suite().unload_is_announced) {
                (void)guest()->wait_for_event("vmbus_disconnected", mark);
                EXPECT_EQ(guest()->call(control::StatusCommand{}).text("/vmbus_version"), "");
            }
            guest().expect_service("heartbeat", "no_contact");
            (void)guest().output("modprobe hv_vmbus && modprobe hv_utils");
            (void)guest()->wait_for_event("vmbus_disconnected", mark);
            (void)guest()->wait_for_event("vmbus_connected", mark);
            guest().expect_service("heartbeat", "ok");
            ASSERT_FALSE(HasFailure()) << "round " << i;
        }
        start_kvp_daemon(guest());
    } else {
        // Nothing can unload it then: the bus is let go of with the whole kernel.
        EXPECT_TRUE(guest().succeeds("grep -q '/hv_vmbus.ko' /lib/modules/*/modules.builtin"));
        const auto mark = guest()->mark();
        ASSERT_TRUE(
            guest()
                ->call(control::MachineCommand{.action = control::MachineCommand::Action::kReset})
                .ok());
        (void)guest()->wait_for_event("vmbus_disconnected", mark);
        ASSERT_TRUE(guest().wait_ready());
        (void)guest()->wait_for_event("vmbus_connected", mark);
    }
    guest().expect_all_services_ok();
    EXPECT_EQ(guest().output("ls /sys/bus/vmbus/devices"), devices);
}

// The last: hv_balloon stays, and with it hv_vmbus.
TEST_F(Modules, LoadAndUnloadWithoutADevice) {
    (void)guest().output("modprobe hv_balloon");  // It has no exit: a kernel never lets it go.
    for (const char* name : {"hyperv_keyboard", "hv_netvsc", "hv_storvsc"}) {
        (void)guest().output(std::string("for i in $(seq 10); do modprobe ") + name + " && rmmod " +
                             name + " || exit 1; done");
    }
}

}  // namespace
}  // namespace hvis::guests

// The devices that the guest finds on its VMBus. Acceptance cases 4, 6, 7, 14, 15, 26, 140.
#include "harness/guest_test.h"
#include "harness/vmbus_view.h"

namespace hvis::guests {
namespace {

class VmbusDevices : public GuestTest {};

TEST_F(VmbusDevices, AreTheFourServices) {
    EXPECT_EQ(guest().output("cat /sys/bus/vmbus/devices/*/class_id | sort"),
              "{0e0b6031-5213-4934-818b-38d90ced39db}\n"  // shutdown
              "{57164f39-9115-4e78-ab55-382f3bd5422d}\n"  // heartbeat
              "{9527e630-d0ae-497b-adce-e80ab0175caf}\n"  // time synchronization
              "{a9a0f4e7-5a45-4d96-b827-8a841e8c03e6}");  // data exchange
}

TEST_F(VmbusDevices, HaveTheInstancesOfHyperV) {
    EXPECT_EQ(guest().output("ls /sys/bus/vmbus/devices | sort"),
              "242ff919-07db-4180-9c2e-b86cb68c8c55\n"  // data exchange
              "2dd1ce17-079e-403c-b352-a1921ee207ee\n"  // time synchronization
              "b6650ff7-33bc-4840-8048-e0676786f393\n"  // shutdown
              "fd149e91-82e0-4a7d-afa6-2a4166cbd7c0");  // heartbeat
}

TEST_F(VmbusDevices, AreOpenAndBoundToTheirDriver) {
    for (const ServiceDevice& device : kServiceDevices) {
        EXPECT_TRUE(guest().eventually("grep -qx 3 " + path_of(device) + "/state")) << device.name;
        EXPECT_EQ(guest().output("basename $(readlink " + path_of(device) + "/driver)"),
                  "hv_utils");
        EXPECT_EQ(guest().output("cat " + path_of(device) + "/vendor"), "0x1414");
    }
}

TEST_F(VmbusDevices, AreFoundByTheirModuleAliases) {
    EXPECT_EQ(guest().output("for d in /sys/bus/vmbus/devices/*; do"
                             " modprobe -D $(cat $d/modalias) >/dev/null || cat $d/modalias; done"),
              "");
    EXPECT_TRUE(guest().succeeds("test -d /sys/module/hv_vmbus && test -d /sys/module/hv_utils"));
    EXPECT_TRUE(guest().succeeds("ls -d /sys/bus/acpi/devices/V[Mm][Bb]*"))
        << "the ACPI device that hv_vmbus binds to";
}

TEST_F(VmbusDevices, HaveModulesOfTheRunningKernel) {
    EXPECT_EQ(guest().output("modinfo -F vermagic hv_utils | cut -d' ' -f1"),
              guest().output("uname -r"));
    for (const char* name : {"hv_netvsc", "hv_storvsc", "hyperv_keyboard"}) {
        EXPECT_TRUE(guest().succeeds(std::string("modprobe -D ") + name)) << name;
    }
}

TEST_F(VmbusDevices, ShowEveryAttribute) {
    const std::string heartbeat = path_of(kHeartbeatDevice);
    EXPECT_EQ(guest().output("cd " + heartbeat +
                             " && for f in id state class_id device_id modalias vendor"
                             " device driver_override channel_vp_mapping"
                             " in_intr_mask in_read_index in_write_index in_read_bytes_avail"
                             " in_write_bytes_avail out_intr_mask out_read_index out_write_index"
                             " out_read_bytes_avail out_write_bytes_avail; do"
                             " cat $f >/dev/null 2>&1 || echo no $f; done"),
              "");
    EXPECT_EQ(guest().output("cd " + heartbeat +
                             "/channels/* && for f in in_mask out_mask"
                             " read_avail write_avail cpu interrupts events intr_in_full"
                             " intr_out_empty out_full_first out_full_total subchannel_id; do"
                             " cat $f >/dev/null 2>&1 || echo no $f; done"),
              "");
    EXPECT_EQ(guest().output("cat " + heartbeat + "/device_id"),
              "{" + std::string(kHeartbeatDevice.instance) + "}");
}

// Both rings are empty when no beat is under way, and both sides then wait for interrupts alike.
TEST_F(VmbusDevices, HaveEqualRingsWhenIdle) {
    EXPECT_TRUE(
        guest().eventually("cd " + path_of(kHeartbeatDevice) +
                           " && test $(cat in_intr_mask) = $(cat out_intr_mask)"
                           " && test $(cat in_read_bytes_avail) = $(cat out_read_bytes_avail)"
                           " && test $(cat in_write_bytes_avail) = "
                           "$(cat out_write_bytes_avail)"));
}

TEST_F(VmbusDevices, CountInterruptsAndEvents) {
    const std::string channel = path_of(kHeartbeatDevice) + "/channels/*";
    for (const char* counter : {"interrupts", "events"}) {
        const std::string read = "cat " + channel + "/" + counter;
        const std::string before = guest().output(read);
        EXPECT_TRUE(guest().eventually("test $(" + read + ") -gt " + before)) << counter;
    }
}

// Interrupts of service channels stay on the processor that connected: they need no spreading.
TEST_F(VmbusDevices, AreServedByTheFirstProcessor) {
    EXPECT_EQ(
        guest().output("cat /sys/bus/vmbus/devices/*/channel_vp_mapping | cut -d: -f2 | sort -u"),
        "0");
    EXPECT_TRUE(guest().succeeds("grep -qE 'HYP: +[1-9]' /proc/interrupts"));
    EXPECT_FALSE(guest().succeeds("grep -qE 'HRE: +.*[1-9].* Hyper-V reenl' /proc/interrupts"));
}

// The monitor page is for devices with much traffic; a service has no place on it.
TEST_F(VmbusDevices, HaveNoMonitor) {
    EXPECT_FALSE(guest().succeeds("cat /sys/bus/vmbus/devices/*/monitor_id"));
}

}  // namespace
}  // namespace hvis::guests

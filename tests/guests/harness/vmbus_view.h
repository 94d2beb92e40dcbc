#pragma once

#include <array>
#include <string>
#include <string_view>

#include "control/commands.h"
#include "harness/guest.h"

namespace hvis::guests {

/// A service's device on the guest's VMBus.
struct ServiceDevice {
    std::string_view name;        ///< as in the control protocol
    std::string_view instance;    ///< its folder in /sys/bus/vmbus/devices
    std::string_view negotiated;  ///< what hv_utils prints once the versions are agreed
    control::Service service;
};

inline constexpr ServiceDevice kHeartbeatDevice = {
    .name = "heartbeat",
    .instance = "fd149e91-82e0-4a7d-afa6-2a4166cbd7c0",
    .negotiated = "Heartbeat IC version 3.0",
    .service = control::Service::kHeartbeat};
inline constexpr ServiceDevice kShutdownDevice = {
    .name = "shutdown",
    .instance = "b6650ff7-33bc-4840-8048-e0676786f393",
    .negotiated = "Shutdown IC version 3.2",
    .service = control::Service::kShutdown};
inline constexpr ServiceDevice kTimesyncDevice = {
    .name = "timesync",
    .instance = "2dd1ce17-079e-403c-b352-a1921ee207ee",
    .negotiated = "TimeSync IC version 4.0",
    .service = control::Service::kTimesync};
inline constexpr ServiceDevice kKvpDevice = {.name = "kvp",
                                             .instance = "242ff919-07db-4180-9c2e-b86cb68c8c55",
                                             .negotiated = "KVP IC version 4.0",
                                             .service = control::Service::kKvp};
inline constexpr std::array kServiceDevices = {kHeartbeatDevice, kShutdownDevice, kTimesyncDevice,
                                               kKvpDevice};

inline std::string path_of(const ServiceDevice& device) {
    return "/sys/bus/vmbus/devices/" + std::string(device.instance);
}

/// Stops the guest's KVP daemon and keeps it stopped, as an administrator would: its supervisor
/// (lab/share/guest/supervise) looks for this file. An open /dev/vmbus/hv_kvp pins hv_utils.
inline void stop_kvp_daemon(Guest& guest) {
    (void)guest.output(
        "touch /run/kvp.stop; killall hv_kvp_daemon 2>/dev/null;"
        " while pidof hv_kvp_daemon >/dev/null; do usleep 50000; done");
}

inline void start_kvp_daemon(Guest& guest) { (void)guest.output("rm -f /run/kvp.stop"); }

/// Unloads hv_utils; the daemon has the device open, so it goes first. busybox's modprobe -r would
/// take hv_vmbus along.
inline void unload_utils(Guest& guest) {
    stop_kvp_daemon(guest);
    (void)guest.output("rmmod hv_utils");
}

inline void load_utils(Guest& guest) {
    (void)guest.output("modprobe hv_utils");
    start_kvp_daemon(guest);
}

/// Unloads hv_vmbus and all that uses it. With it goes the kernel's synthetic timer: Linux shuts a
/// timer that interrupts directly down without a successor (hv_stimer_cleanup in
/// drivers/clocksource/hyperv_timer.c) and would stand still, so the local APIC's takes over first.
inline void unload_vmbus(Guest& guest) {
    stop_kvp_daemon(guest);
    (void)guest.output(
        "for d in /sys/devices/system/clockevents/clockevent*; do"
        " ! grep -q Hyper-V $d/current_device || echo 'Hyper-V clockevent' > $d/unbind_device; "
        "done;"
        " for m in $(ls /sys/module/hv_vmbus/holders); do rmmod $m; done; rmmod hv_vmbus");
}

}  // namespace hvis::guests

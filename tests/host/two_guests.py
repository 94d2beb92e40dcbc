"""Two real guests under hvisd, and what the tests do to them and ask of them."""

import unittest

from host import Host

DEVICES = {
    "heartbeat": "fd149e91-82e0-4a7d-afa6-2a4166cbd7c0",
    "shutdown": "b6650ff7-33bc-4840-8048-e0676786f393",
    "timesync": "2dd1ce17-079e-403c-b352-a1921ee207ee",
    "kvp": "242ff919-07db-4180-9c2e-b86cb68c8c55",
}
NEGOTIATED = {
    "heartbeat": "Heartbeat IC version 3.0",
    "shutdown": "Shutdown IC version 3.2",
    "timesync": "TimeSync IC version 4.0",
    "kvp": "KVP IC version 4.0",
}
STOP_DAEMON = ("touch /run/kvp.stop; killall hv_kvp_daemon 2>/dev/null;"
               " while pidof hv_kvp_daemon >/dev/null; do usleep 50000; done")
START_DAEMON = "rm -f /run/kvp.stop"
# One that hangs takes a request and does not answer it; for half a minute nor does the kernel.
HANG_DAEMON = "touch /run/kvp.stop; killall -STOP hv_kvp_daemon"
FREE_DAEMON = f"{START_DAEMON}; killall -CONT hv_kvp_daemon 2>/dev/null; true"
DAEMON_DEVICE = "/dev/vmbus/hv_kvp"
# SINT2 of the first processor, VMBus interrupts: with the mask bit the guest neither hears nor answers, as one that hangs.
GO_DEAF = ("old=$(probe rdmsr 0 0x40000092) && echo $old >/run/sint2 &&"
           " probe wrmsr 0 0x40000092 $((old | 0x10000))")
HEAR_AGAIN = "probe wrmsr 0 0x40000092 $(cat /run/sint2)"
# No network adapter is offered yet: the daemon is shown one whose driver does not exist.
ADAPTER = "f8615163-df3e-46c5-913f-f2d2f965ed0e"
SHOW_ADAPTER = ("mount -t tmpfs none /sys/class/net && mkdir -p /sys/class/net/test0/device && cd /sys/class/net/test0 &&"
                f" echo 00:15:5d:00:00:01 >address && echo {{{ADAPTER}}} >device/device_id")
HIDE_ADAPTER = "umount /sys/class/net; rm -rf /run/hyperv"
TAKEN_SETTINGS = "/run/hyperv/ifcfg-test0"
# The kernel's information goes to the console, where it can be read after the guest's end.
SHOW_MESSAGES = "dmesg -n 7"
HV_E_FAIL = 0x80004005
# What hvisd may have taken for itself in one more start of a VM.
MEMORY_NOISE = 8 << 20


def path_of(service):
    return f"/sys/bus/vmbus/devices/{DEVICES[service]}"


class TwoGuests(unittest.TestCase):
    """`web` has all services, and can hibernate; `db` has neither time synchronization nor key/value exchange."""

    @classmethod
    def setUpClass(cls):
        cls.host = Host()
        cls.host.start()
        try:
            cls.host.create("web", "--acpi-s4")
            cls.host.create("db", "--disable", "timesync", "--disable", "kvp", "--on-crash", "restart")
            for vm in ("web", "db"):
                cls.host.hvis("start", vm)
            cls.host.await_ready("web")
            cls.host.await_ready("db", ("heartbeat",))
            cls.web, cls.db = cls.host.guest("web"), cls.host.guest("db")
        except BaseException:
            cls.tearDownClass()
            raise

    @classmethod
    def tearDownClass(cls):
        print(cls.host.said())
        cls.host.__exit__()

    def negotiations(self, service, guest=None):
        return int((guest or self.web).output(f"dmesg | grep -c '{NEGOTIATED[service]}'; true"))

    def complaints(self):
        """What the kernel of `web` has logged as an error, or worse."""
        return self.web.output("dmesg -r | grep -E '^<[0-3]>|Call Trace|WARNING:'; true").splitlines()

    def packets_sent(self):
        """Of key/value exchange, to `web`."""
        return self.host.hvis("stats", "web").json()["counters"]["kvp.packets_sent"]

    def shut_down(self, vm):
        mark = self.host.mark()
        self.host.hvis("stop", vm, "--timeout", "200s")
        self.assertEqual(self.host.hvis("vm", "show", vm).json()["state"], "stopped")
        self.assertEqual(self.host.await_event(vm, "vm_powered_off", mark)["fields"]["by"], "guest")

    def shut_down_once_asked_twice(self):
        """`db` is deaf until the second request has been refused."""
        self.db.connect()
        self.db.output(GO_DEAF)
        mark = self.host.mark()
        first = self.host.begin("stop", "db", "--timeout", "250s")
        self.host.await_event("db", "shutdown_requested", mark)
        second = self.host.hvis("stop", "db", status=1).error()
        self.assertEqual((second["code"], second["outcome"]), ("failed", "in_progress"))
        self.assertIsNone(first.poll())
        self.db.send(HEAR_AGAIN)
        self.host.ends_with(first, 0)
        self.assertEqual(self.host.hvis("vm", "show", "db").json()["state"], "stopped")

    def start(self, vm, conditions=("heartbeat", "kvp")):
        self.host.hvis("start", vm)
        self.host.await_ready(vm, conditions)
        self.host.await_services(vm)

    def pairs(self, pool):
        return {p["key"]: p["value"] for p in self.host.hvis("kvp", "list", "web", "--pool", pool, "--timeout", "200s").json()["pairs"]}

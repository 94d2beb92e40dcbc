"""Real guests under hvisd, through `hvis` as an administrator types it: two at once, with different services.

Acceptance cases 29-31, 35-38, 42, 57-60, 62-64, 66, 144-150, 153, 155 and 156 (docs/acceptance.md); the numbers stand with the
tests, docs/acceptance.md says what they do not assert.
Together the tests have every verb of `hvis` at work on a real guest.
"""

import json
import os
import re
import shutil
import signal
import threading
import unittest

from host import PATIENCE, Host

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


class HostTest(unittest.TestCase):
    """`web` has all services, `db` neither time synchronization nor key/value exchange."""

    @classmethod
    def setUpClass(cls):
        cls.host = Host()
        cls.host.start()
        try:
            cls.host.create("web")
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

    def start(self, vm, conditions=("heartbeat", "kvp")):
        self.host.hvis("start", vm)
        self.host.await_ready(vm, conditions)
        self.host.await_services(vm)

    # The services' status ------------------------------------------------------------------------------------

    def test_heartbeat_follows_its_service(self):
        """29, 30, 145, 146"""
        service = self.host.services("web")["heartbeat"]
        self.assertEqual((service["primary"], service["applications"]), ("ok", "unknown"))
        self.host.hvis("service", "disable", "web", "heartbeat")
        self.assertEqual(self.host.services("web")["heartbeat"]["primary"], "disabled")
        self.host.hvis("service", "enable", "web", "heartbeat")
        self.host.await_service("web", "heartbeat", "ok")

    def test_no_contact_without_the_driver(self):
        """31, 42, 149"""
        self.web.output(STOP_DAEMON)
        try:
            self.web.output("rmmod hv_utils")
            for service in ("heartbeat", "shutdown", "kvp"):
                self.host.await_service("web", service, "no_contact")
            refused = self.host.hvis("stop", "web", status=5)
            self.assertEqual(refused.error()["outcome"], "guest_not_connected")
        finally:
            self.web.output(f"modprobe hv_utils; {START_DAEMON}")
        self.host.await_services("web")
        self.assertEqual(self.host.hvis("vm", "show", "web").json()["state"], "running", "no shutdown was kept for later")
        self.assertEqual(self.web.output("dmesg | grep -c 'Shutdown request received'; true"), "0")

    def test_deaf_guest_is_lost_and_regained(self):
        """31: the guest lives, but neither hears nor answers; the limit that is set for it is told."""
        policy = self.host.hvis("heartbeat", "show", "web").json()["policy"]
        mark = self.host.mark()
        self.web.output(GO_DEAF)
        try:
            lost = self.host.await_event("web", "heartbeat_lost", mark)
            self.assertEqual(lost["severity"], "error")
            self.assertGreaterEqual(int(lost["fields"]["missed"]), policy["misses"])
            self.assertLessEqual(int(lost["fields"]["window"]), policy["window"])
            self.assertIn("{missed} of the last {window} beats were missed".format(**lost["fields"]), lost["text"])
            status = self.host.status("web")
            heartbeat = next(s for s in status["services"] if s["service"] == "heartbeat")
            self.assertEqual((status["state"], heartbeat["primary"]), ("running", "lost_communication"))
            self.assertIn(f"missed {policy['misses']} of its last {policy['window']} heartbeats", heartbeat["explanation"])
        finally:
            self.web.output(HEAR_AGAIN)
        self.host.await_event("web", "heartbeat_regained", mark)
        self.host.await_services("web")

    def test_pause_is_not_held_against_the_guest(self):
        """31"""
        mark = self.host.mark()
        self.host.hvis("vm", "pause", "web")
        self.assertEqual(self.host.hvis("vm", "show", "web").json()["state"], "paused")
        self.host.await_service("web", "heartbeat", "paused")
        self.host.hvis("vm", "resume", "web")
        self.host.await_service("web", "heartbeat", "ok")
        self.assertNotIn("heartbeat_lost", [e["name"] for e in self.host.events("web", "--since", str(mark))])

    def test_services_go_and_come_at_once(self):
        """145-147: the device goes, and comes back with its driver, for each service; the guest finds no fault with it."""
        complaints = self.complaints()
        for service, device in DEVICES.items():
            files = path_of(service) + (f" {DAEMON_DEVICE}" if service == "kvp" else "")
            before = self.negotiations(service)
            self.assertTrue(self.web.succeeds(f"ls {files}"), service)
            self.host.hvis("service", "disable", "web", service)
            status = {s["service"]: s for s in self.host.status("web")["services"]}
            self.assertEqual({s for s, v in status.items() if v["primary"] == "disabled"}, {service})
            self.assertFalse(status[service]["enabled"])
            self.host.await_that(f"{device} leaves the guest, with all that is its own",
                                 lambda f=files: self.web.output(f"ls -d {f} 2>/dev/null; true") == "")
            self.host.hvis("service", "enable", "web", service)
            self.host.await_service("web", service, "ok")
            self.host.await_that(f"the driver has {device} again", lambda s=service: self.web.succeeds(
                f"grep -qx 3 {path_of(s)}/state"))
            self.assertEqual(self.negotiations(service), before + 1, service)
            self.assertEqual(self.complaints(), complaints, service)

    def test_kvp_comes_and_goes_again_and_again(self):
        """63, 147: five times; Each/ServiceCycles does it twenty times."""
        before = self.negotiations("kvp")
        for _ in range(5):
            self.host.hvis("service", "disable", "web", "kvp")
            self.host.hvis("service", "enable", "web", "kvp")
            self.host.await_service("web", "kvp", "ok")
        self.assertEqual(self.negotiations("kvp"), before + 5)
        self.assertTrue(self.host.hvis("kvp", "list", "web").json()["pairs"])

    def test_disabled_services_are_not_offered_at_boot(self):
        """144: two guests at once, each with its own."""
        self.assertEqual({s: self.db.succeeds(f"test -e {path_of(s)}") for s in DEVICES},
                         {"heartbeat": True, "shutdown": True, "timesync": False, "kvp": False})
        self.assertEqual({s: v["primary"] for s, v in self.host.services("db").items()},
                         {"heartbeat": "ok", "shutdown": "ok", "timesync": "disabled", "kvp": "disabled"})
        running = f"test -e {DAEMON_DEVICE} && pidof hv_kvp_daemon"
        self.assertTrue(self.web.succeeds(running), "what would be there")
        self.assertFalse(self.db.succeeds(f"test -e {DAEMON_DEVICE}"))
        self.assertFalse(self.db.succeeds("pidof hv_kvp_daemon"))
        error = self.host.hvis("kvp", "list", "db", status=5).error()
        self.assertIn("disabled", error["message"])
        self.assertIn("service enable", error.get("hint", ""), "what would help is said")

    def test_disabling_ends_what_is_under_way(self):
        """148: the daemon hangs, so that the request is with the guest. A pair would be kept by the host, and set later."""
        setting = ("ip", "set", "web", ADAPTER, "--address", "192.168.7.2/24", "--timeout", "200s")
        self.web.output(SHOW_ADAPTER)
        self.addCleanup(self.web.output, HIDE_ADAPTER)
        self.addCleanup(self.host.hvis, "service", "enable", "web", "kvp")
        self.addCleanup(self.web.output, FREE_DAEMON)
        self.web.output(HANG_DAEMON)
        sent = self.packets_sent()
        pending = self.host.begin(*setting)
        self.host.await_that("the request has left the host", lambda: self.packets_sent() > sent)
        self.assertIsNone(pending.poll(), "nobody can answer it")
        self.host.hvis("service", "disable", "web", "kvp")
        # Long before its own time is over. One that comes too late for the service is told that it "is disabled".
        error = self.host.ends_with(pending, 5, patience=100).error()
        self.assertEqual((error["outcome"], error["message"]), ("service_disabled", "the service was disabled"))
        self.web.output(FREE_DAEMON)
        self.host.hvis("service", "enable", "web", "kvp")
        self.host.await_service("web", "kvp", "ok")
        self.pairs("auto")  # requests go in turn: what had been kept for later would have come before
        self.assertFalse(self.web.succeeds(f"test -e {TAKEN_SETTINGS}"), "it was not made up for")
        self.host.hvis(*setting)
        self.host.await_that("a request of now is carried out", lambda: self.web.succeeds(f"test -e {TAKEN_SETTINGS}"))

    # Key/value exchange --------------------------------------------------------------------------------------

    def pairs(self, pool):
        return {p["key"]: p["value"] for p in self.host.hvis("kvp", "list", "web", "--pool", pool, "--timeout", "200s").json()["pairs"]}

    def test_the_guests_facts(self):
        """57"""
        facts = self.pairs("auto")
        release, machine, name, version, full_name, services = self.web.output(
            "uname -r; uname -m; . /etc/os-release; echo $NAME; echo $VERSION_ID;"
            " awk '$1 == \"127.0.1.1\" {print $2}' /etc/hosts;"
            " sed -n 's/.*KVP LIC Version: *//p' /var/log/messages | tail -n 1").splitlines()
        expected = {"OSBuildNumber": release, "OSVersion": release.split("-")[0], "OSName": name, "OSMajorVersion": version,
                    "ProcessorArchitecture": machine, "FullyQualifiedDomainName": full_name,
                    "IntegrationServicesVersion": services}
        self.assertEqual({key: facts[key] for key in expected}, expected)
        self.assertEqual(services, "3.1")
        # The guest has no adapter but its loopback, which the daemon leaves out.
        addresses = re.findall(r"inet ([0-9.]+)", self.web.output("ip -4 addr show"))
        self.assertEqual(set(filter(None, facts["NetworkAddressIPv4"].split(";"))),
                         {address for address in addresses if not address.startswith("127.")})
        self.assertIn("NetworkAddressIPv6", facts)
        self.assertEqual(len(facts), 10, "and there is no eleventh")
        self.assertEqual(self.host.hvis("kvp", "get", "web", "OSName").json()["value"], facts["OSName"])

    def test_a_pair_from_the_host(self):
        """58, 62, 66"""
        pool = "/var/lib/hyperv/.kvp_pool_0"
        for value in ("555", "999"):
            self.host.hvis("kvp", "set", "web", "EEE", value)
            self.assertEqual(self.pairs("external").get("EEE"), value)
            # Records of 512 bytes of key and 2048 of value; behind each text is whatever the daemon had there.
            self.assertEqual(self.web.output(f"head -c 3 {pool}; head -c 515 {pool} | tail -c 3"), "EEE" + value)
        self.assertEqual(self.host.hvis("kvp", "add", "web", "EEE", "1", status=1).error()["code"], "failed")
        self.host.hvis("kvp", "delete", "web", "EEE")
        self.assertFalse(self.web.succeeds(f"grep -q EEE {pool}"))
        self.host.hvis("kvp", "delete", "web", "EEE", status=3)
        self.host.hvis("kvp", "get", "web", "EEE", "--pool", "external", status=3)

    def test_pairs_from_the_guest(self):
        """59, 60"""
        pool = "/var/lib/hyperv/.kvp_pool_1"
        self.web.output(f"probe pool-fill {pool} 250")
        pairs = self.pairs("guest")
        self.assertEqual(len(pairs), 250)
        self.assertEqual(pairs["key 250"], "value 250")
        self.web.output(f": >{pool}")
        self.assertEqual(self.pairs("guest"), {})

    def test_without_a_daemon(self):
        """64: who asks is told in time, the service is no longer ok; what comes late is not taken for another answer."""
        self.addCleanup(self.web.output, START_DAEMON)
        self.web.output(STOP_DAEMON)
        asked = self.host.begin("kvp", "list", "web", "--timeout", "2s")
        error = self.host.ends_with(asked, 4, patience=100).error()
        self.assertEqual((error["code"], error["outcome"]), ("timed_out", "timed_out"))
        self.host.await_service("web", "kvp", "lost_communication")
        self.host.await_service("web", "heartbeat", "ok")  # takes no notice
        self.web.output(START_DAEMON)
        self.host.await_that("the daemon is back", lambda: self.host.try_hvis("kvp", "list", "web", "--timeout", "20s").status == 0)
        self.host.await_service("web", "kvp", "ok")
        self.assertEqual(self.pairs("auto")["OSBuildNumber"], self.web.output("uname -r"))

    def test_pairs_set_by_the_host_come_back_with_the_guest(self):
        """155, in part: what the host has set is the VM's, not the guest's."""
        self.host.hvis("kvp", "set", "web", "role", "frontend")
        self.host.hvis("vm", "restart", "web", "--timeout", "200s")
        self.host.await_ready("web")
        self.host.await_services("web")
        self.web.connect()
        self.web.read_until("HVIS-GUEST-READY\n|$")
        self.host.await_that("the pair is there again", lambda: self.pairs("external").get("role") == "frontend")
        self.host.hvis("kvp", "delete", "web", "role")

    # Power and life ------------------------------------------------------------------------------------------

    def test_hibernation_is_refused_by_a_guest_without_s4(self):
        """38"""
        mark = self.host.mark()
        error = self.host.hvis("vm", "hibernate", "db", status=1).error()
        self.assertEqual((error["code"], error["outcome"], error["guest_status"]), ("failed", "refused", HV_E_FAIL))
        self.assertIn(f"{HV_E_FAIL:#x}", error["message"])
        refused = self.host.await_event("db", "shutdown_refused", mark)["fields"]
        self.assertEqual((refused["action"], int(refused["status"], 16)), ("hibernate", HV_E_FAIL))
        self.assertTrue(self.db.succeeds("dmesg | grep -q 'Hibernation request received'"))
        self.assertEqual(self.host.hvis("vm", "show", "db").json()["state"], "running")

    def test_shutdown_works_after_its_service_was_switched(self):
        """35, 36, and 153 with two starts: the second leaves hvisd no more than the first."""
        before = self.negotiations("shutdown", self.db)
        self.host.hvis("service", "disable", "db", "shutdown")
        self.host.hvis("stop", "db", status=5)
        self.host.hvis("service", "enable", "db", "shutdown")
        self.host.await_service("db", "shutdown", "ok")
        self.assertEqual(self.negotiations("shutdown", self.db), before + 1)
        self.db.output(SHOW_MESSAGES)
        self.shut_down("db")
        self.db.read_until("Shutdown request received - graceful shutdown initiated")
        self.start("db", ("heartbeat",))
        files, memory = self.host.files(), self.host.memory()
        self.shut_down("db")
        self.start("db", ("heartbeat",))
        self.host.await_that(f"hvisd has {files} descriptors again", lambda: self.host.files() <= files)
        self.assertLess(self.host.memory(), memory + MEMORY_NOISE)
        self.db.connect()

    def test_restart(self):
        """37"""
        mark = self.host.mark()
        self.db.output(SHOW_MESSAGES)
        self.host.hvis("vm", "restart", "db", "--timeout", "200s")
        self.assertEqual(self.host.await_event("db", "vm_reset", mark)["fields"]["by"], "guest")
        self.db.read_until("Restart request received - graceful restart initiated")
        self.host.await_event("db", "vmbus_connected", mark)
        self.host.await_ready("db", ("heartbeat",))
        self.host.await_services("db")
        for service in ("heartbeat", "shutdown"):
            self.host.await_event("db", "service_negotiated", mark, lambda fields, s=service: fields["service"] == s)
        self.db.connect()

    def test_a_panic_is_told_with_its_text(self):
        """150"""
        self.assertEqual(self.db.output("cat /proc/sys/kernel/hyperv_record_panic_msg"), "1")
        mark = self.host.mark()
        self.db.send("echo c >/proc/sysrq-trigger")
        crash = self.host.await_event("db", "guest_crashed", mark, lambda fields: "Kernel panic" in fields.get("text", ""))
        self.assertEqual((crash["id"], crash["severity"]), (1007, "critical"))
        for parameter in ("p0", "p1", "p2", "p3", "p4"):
            self.assertRegex(crash["fields"][parameter], "^0x[0-9a-f]+$", parameter)
        self.host.await_event("db", "vm_reset", mark)
        self.host.await_ready("db", ("heartbeat",))
        self.host.await_services("db")
        remembered = self.host.status("db")["crash"]
        self.assertIn("Kernel panic", remembered["text"])
        self.assertEqual(len(remembered["parameters"]), 5)
        self.db.connect()

    def test_killing_the_manager_disturbs_no_guest(self):
        """156"""
        beats = self.web.output("cat /proc/sys/kernel/random/boot_id")
        mark = self.host.mark()
        os.kill(self.host.process.pid, signal.SIGKILL)
        self.host.process.wait()
        self.host.start()
        for vm in ("web", "db"):
            self.host.await_event(vm, "worker_adopted", mark)
            self.host.await_service(vm, "heartbeat", "ok")
        self.assertEqual(self.web.output("cat /proc/sys/kernel/random/boot_id"), beats)
        self.assertEqual([e["name"] for e in self.host.events("web", "--since", str(mark))
                          if e["name"] in ("heartbeat_lost", "vm_reset", "vm_stopped")], [])

    def test_a_killed_worker_is_started_again(self):
        """156"""
        mark = self.host.mark()
        started = [e for e in self.host.events("db") if e["name"] in ("worker_started", "worker_adopted")]
        os.kill(int(started[-1]["fields"]["pid"]), signal.SIGKILL)
        failed = self.host.await_event("db", "worker_failed", mark)
        self.assertIn("killed", failed["text"])
        self.host.await_event("db", "worker_started", mark)
        self.host.await_ready("db", ("heartbeat",))
        self.host.await_services("db")
        self.db.connect()

    def test_export_and_import(self):
        """155"""
        copy = os.path.join(self.host.directory, "copy")
        self.shut_down("db")
        self.host.hvis("kvp", "set", "db", "role", "database")
        self.host.hvis("vm", "export", "db", copy)
        self.host.hvis("vm", "delete", "db", "--yes")
        with open(os.path.join(copy, "half"), "w", encoding="utf-8"):
            pass
        self.host.hvis("vm", "import", copy)
        shutil.rmtree(copy)
        self.assertEqual({s: v["enabled"] for s, v in self.host.services("db").items()},
                         {"heartbeat": True, "shutdown": True, "timesync": False, "kvp": False})
        self.host.hvis("kvp", "get", "db", "role", "--pool", "external")
        self.start("db", ("heartbeat",))
        self.db.path = self.host.guest("db").path
        self.db.connect()

    def test_metrics_of_a_real_guest(self):
        """docs/metrics.md: the first scrape has no counters; a guest with time synchronization 4.0 does not tell its clock."""
        self.host.await_that("exits are counted", lambda: sum(self.host.measured("hvis_vm_exits_total", "web")) > 0)
        self.host.await_that("heartbeats are timed", lambda: sum(
            self.host.measured("hvis_heartbeat_round_trip_seconds_count", "web")) > 0)
        self.assertEqual(len(self.host.measured("hvis_heartbeat_age_seconds", "web")), 1)
        self.assertGreater(sum(self.host.measured("hvis_ring_packets_total", "web")), 0)
        self.assertEqual(self.host.measured("hvis_clock_offset_seconds", "web"), [])

    def test_what_a_person_sees(self):
        for words, expected in ((("list",), "web"), (("status", "web"), "heartbeat"), (("vm", "show", "web"), "512 MiB"),
                                (("time", "show", "web"), "Samples"), (("heartbeat", "show", "web"), "2"),
                                (("host", "show"), "VMs"), (("operation", "list"), "start"), (("doctor",), "KVM"),
                                (("events", "web"), "worker")):
            self.assertIn(expected, self.host.shown(*words), words)
        addresses = self.host.hvis("ip", "show", "web").json()
        self.assertEqual(self.host.shown("ip", "show", "web").split(), addresses["ipv4"] + addresses["ipv6"])
        self.host.hvis("time", "sync", "web")
        self.host.hvis("heartbeat", "set", "web", "--interval", "1s")
        self.assertEqual(self.host.hvis("heartbeat", "show", "web").json()["policy"]["interval_ms"], 1000)
        self.host.hvis("heartbeat", "set", "web", "--interval", "2s")

    # The verbs that no test above asks of a guest ------------------------------------------------------------

    def test_every_verb_of_power(self):
        host = self.host
        waiting = host.begin("wait", "db", "--for", "stopped", "--timeout", "200s")
        host.hvis("stop", "db", "--power-off")
        host.ends_with(waiting, 0)
        self.assertEqual(host.hvis("stop", "db").json()["state"], "stopped", "it is down already")
        begun = host.hvis("start", "db", "--no-wait").json()
        self.assertEqual(host.hvis("operation", "wait", begun["id"]).json()["state"], "succeeded")
        host.await_ready("db", ("heartbeat",))
        mark = host.mark()
        host.hvis("vm", "reset", "db")
        host.await_event("db", "vm_reset", mark)
        host.await_event("db", "vmbus_connected", mark)
        host.await_ready("db", ("heartbeat",))
        self.assertEqual(host.hvis("vm", "delete", "db", "--yes", status=1).error()["code"], "failed")
        host.hvis("stop", "db", "--force", "--timeout", "200s")
        host.hvis("host", "stop-all", "--yes")
        self.assertEqual({vm["state"] for vm in host.hvis("list").json()["vms"]}, {"stopped"})
        self.start("web")
        self.start("db", ("heartbeat",))
        self.web.connect()
        self.db.connect()

    def test_every_verb_of_pairs(self):
        host, pool, file = self.host, "/var/lib/hyperv/.kvp_pool_1", self.host.path("pairs.json")
        self.web.output(f": >{pool}")
        watch = host.begin("kvp", "watch", "web", "--pool", "guest")
        late = threading.Timer(PATIENCE, watch.kill)
        late.start()
        changes = []
        for line in watch.stdout:
            changes.append(json.loads(line))
            if changes[-1]["change"] == "ready":
                self.web.output(f"probe pool-fill {pool} 1")
            elif changes[-1].get("key") == "key 1":
                break
        late.cancel()
        watch.send_signal(signal.SIGINT)
        host.ends_with(watch, 0)
        self.assertEqual(changes[-1], {"change": "set", "key": "key 1", "value": "value 1"})
        self.web.output(f": >{pool}")

        for key in ("role", "place"):
            host.hvis("kvp", "set", "web", key, "here")
        self.assertEqual(host.hvis("kvp", "export", "web", file).json(), {"path": file, "pairs": 2})
        host.hvis("kvp", "delete", "web", "role")
        host.hvis("kvp", "set", "web", "more", "x")
        self.assertEqual(host.hvis("kvp", "import", "web", file, "--replace").json(), {"set": 1, "removed": 1})
        self.assertEqual(self.pairs("external"), {"role": "here", "place": "here"})
        for key in ("role", "place"):
            host.hvis("kvp", "delete", "web", key)

    def test_every_verb_of_settings_and_services(self):
        host = self.host
        self.assertEqual(host.hvis("vm", "set", "web", "--memory", "256M", "--description", "front").json()["pending"], ["memory"])
        host.hvis("vm", "set", "web", "--memory", "512M", "--description=")
        self.assertEqual(host.hvis("vm", "show", "web").json()["definition"]["description"], "")
        # The guest has no adapter, nor has the VM a network for it.
        refused = host.hvis("ip", "set", "web", ADAPTER, "--dhcp", "--timeout", "200s", status=3)
        self.assertEqual((refused.error()["outcome"], refused.error()["guest_status"]), ("refused", 0x80041002))
        found = host.hvis("ip", "show", "web").json()
        there = found["ipv4"] + found["ipv6"]
        host.hvis("wait", "web", "--for", "ip", "--timeout", "10s", status=0 if there else 4)
        self.assertEqual(host.hvis("wait", "db", "--for", "ip", status=5).error()["outcome"], "service_disabled")
        self.assertIn("no hook", host.hvis("heartbeat", "test", "web", status=1).error()["message"])
        follow = host.begin("events", "db", "--follow", "--since", str(host.mark()), "--id", "service_disabled", "--id",
                            "service_enabled", "--limit", "2")
        for verb in ("disable", "enable"):
            host.hvis("service", verb, "db", "heartbeat")
        names = [json.loads(line)["name"] for line in host.ends_with(follow, 0).text.splitlines()]
        self.assertEqual(names, ["service_disabled", "service_enabled"])
        host.await_service("db", "heartbeat", "ok")

    def test_every_verb_of_the_manager(self):
        host = self.host
        waiting = host.begin("wait", "web", "--for", "stopped", "--timeout", "200s")
        under_way = []

        def look():
            under_way[:] = [o for o in host.hvis("operation", "list").json()["operations"]
                            if (o["kind"], o["state"]) == ("vm.wait", "running")]
            return under_way

        host.await_that("the wait is an operation", look)
        host.hvis("operation", "cancel", under_way[0]["id"])
        host.ends_with(waiting, 1)
        token = host.hvis("token", "create", "ci", "--role", "operator").json()
        self.assertIn(token["id"], [t["id"] for t in host.hvis("token", "list").json()["tokens"]])
        host.hvis("token", "delete", token["id"])
        host.hvis("token", "delete", token["id"], status=3)
        host.hvis("database", "backup", host.path("backup.db"))
        self.assertTrue(os.path.getsize(host.path("backup.db")))
        # What it offers is tested where nothing is slow: it waits for hvisd no longer than somebody at the keyboard would.
        self.assertIn("__complete", host.shown("completion", "bash"))

    def test_every_key_but_one_of_the_console_goes_to_the_guest(self):
        process, terminal = self.host.console("web")
        late = threading.Timer(PATIENCE, process.kill)
        late.start()
        seen = b""
        try:
            while b"leaves it" not in seen:
                seen += os.read(terminal, 4096)
            os.write(terminal, b"console1 uname -r\n")
            while not re.search(rb"\n>>>console1 0\r?\n", seen):
                seen += os.read(terminal, 4096)
            os.write(terminal, b"\x1d")
            self.assertEqual(process.wait(PATIENCE), 0)
        finally:
            late.cancel()
            process.kill()
            process.wait()
            os.close(terminal)
        self.web.connect()  # the console has one reader, the newest
        self.assertIn(self.web.output("uname -r").encode(), seen)


class ResultAtOnce(unittest.TextTestResult):
    """Tells what failed when it fails: later cases take minutes."""

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.stream.writeln(self.failures[-1][1])

    def addError(self, test, err):
        super().addError(test, err)
        self.stream.writeln(self.errors[-1][1])


if __name__ == "__main__":
    unittest.main(verbosity=2, testRunner=unittest.TextTestRunner(verbosity=2, resultclass=ResultAtOnce))

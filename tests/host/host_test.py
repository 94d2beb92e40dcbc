"""Real guests under hvisd, through `hvis` as an administrator types it: two at once, with different services.

Acceptance cases 29-31, 35-38, 42, 57-64, 66, 144-150, 153, 155 and 156 (docs/acceptance.md); the numbers stand with the tests.
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

    def negotiations(self, service):
        return int(self.web.output(f"dmesg | grep -c '{NEGOTIATED[service]}'; true"))

    def shut_down(self, vm):
        self.host.hvis("stop", vm, "--timeout", "200s")
        self.assertEqual(self.host.hvis("vm", "show", vm).json()["state"], "stopped")

    def start(self, vm, conditions=("heartbeat", "kvp")):
        self.host.hvis("start", vm)
        self.host.await_ready(vm, conditions)

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
        for service in DEVICES:
            self.host.await_service("web", service, "ok")
        self.assertEqual(self.host.hvis("vm", "show", "web").json()["state"], "running", "no shutdown was kept for later")

    def test_pause_is_not_held_against_the_guest(self):
        """31"""
        self.host.hvis("vm", "pause", "web")
        self.assertEqual(self.host.hvis("vm", "show", "web").json()["state"], "paused")
        self.host.await_service("web", "heartbeat", "paused")
        self.host.hvis("vm", "resume", "web")
        self.host.await_service("web", "heartbeat", "ok")

    def test_services_go_and_come_at_once(self):
        """145-147: the device goes, and comes back with its driver, for each service."""
        for service in DEVICES:
            before = self.negotiations(service)
            self.host.hvis("service", "disable", "web", service)
            self.host.await_that(f"{service} leaves the guest", lambda s=service: not self.web.succeeds(f"test -e {path_of(s)}"))
            self.host.hvis("service", "enable", "web", service)
            self.host.await_service("web", service, "ok")
            self.assertEqual(self.negotiations(service), before + 1, service)

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
        error = self.host.hvis("kvp", "list", "db", status=5).error()
        self.assertIn("disabled", error["message"])
        self.assertIn("service enable", error.get("hint", ""), "what would help is said")

    def test_disabling_ends_what_is_under_way(self):
        """148"""
        self.web.output("killall -STOP hv_kvp_daemon")
        pending = self.host.begin("kvp", "list", "web", "--timeout", "200s")
        self.host.await_that("the guest has the request", lambda: self.host.services("web")["kvp"]["primary"] == "ok")
        self.host.hvis("service", "disable", "web", "kvp")
        _, errors = pending.communicate(timeout=300)
        self.assertEqual(pending.returncode, 5, errors)
        self.web.output("killall -CONT hv_kvp_daemon")
        self.host.hvis("service", "enable", "web", "kvp")
        self.host.await_service("web", "kvp", "ok")

    # Key/value exchange --------------------------------------------------------------------------------------

    def pairs(self, pool):
        return {p["key"]: p["value"] for p in self.host.hvis("kvp", "list", "web", "--pool", pool, "--timeout", "200s").json()["pairs"]}

    def test_the_guests_facts(self):
        """57"""
        facts = self.pairs("auto")
        self.assertEqual(facts["OSBuildNumber"], self.web.output("uname -r"))
        self.assertEqual(facts["ProcessorArchitecture"], self.web.output("uname -m"))
        self.assertEqual(facts["OSVersion"], self.web.output("uname -r").split("-")[0])
        self.assertEqual(self.host.hvis("kvp", "get", "web", "OSName").json()["value"], facts["OSName"])

    def test_a_pair_from_the_host(self):
        """58, 61, 62, 66"""
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
        """64"""
        self.web.output(STOP_DAEMON)
        self.host.await_that("the daemon is missed", lambda: self.host.services("web")["kvp"]["primary"] != "ok"
                             or self.host.try_hvis("kvp", "list", "web", "--timeout", "2s").status != 0)
        self.web.output(START_DAEMON)
        self.host.await_that("the daemon is back", lambda: self.host.try_hvis("kvp", "list", "web", "--timeout", "20s").status == 0)

    def test_pairs_set_by_the_host_come_back_with_the_guest(self):
        """155, in part: what the host has set is the VM's, not the guest's."""
        self.host.hvis("kvp", "set", "web", "role", "frontend")
        self.host.hvis("vm", "restart", "web", "--timeout", "200s")
        self.host.await_ready("web")
        self.web.connect()
        self.web.read_until("HVIS-GUEST-READY\n|$")
        self.host.await_that("the pair is there again", lambda: self.pairs("external").get("role") == "frontend")
        self.host.hvis("kvp", "delete", "web", "role")

    # Power and life ------------------------------------------------------------------------------------------

    def test_hibernation_is_refused_by_a_guest_without_s4(self):
        """38"""
        error = self.host.hvis("vm", "hibernate", "db", status=1).error()
        self.assertEqual(error["code"], "failed")
        self.assertTrue(self.db.succeeds("dmesg | grep -q 'Hibernation request received'"))
        self.assertEqual(self.host.hvis("vm", "show", "db").json()["state"], "running")

    def test_shutdown_works_after_its_service_was_switched(self):
        """35, 36, and 153 with two starts"""
        self.host.hvis("service", "disable", "db", "shutdown")
        self.host.hvis("stop", "db", status=5)
        self.host.hvis("service", "enable", "db", "shutdown")
        self.host.await_service("db", "shutdown", "ok")
        for _ in range(2):
            self.shut_down("db")
            self.start("db", ("heartbeat",))
        self.db.connect()

    def test_restart(self):
        """37"""
        mark = self.host.mark()
        self.host.hvis("vm", "restart", "db", "--timeout", "200s")
        self.host.await_event("db", "vmbus_connected", mark)
        self.host.await_ready("db", ("heartbeat",))
        self.db.connect()

    def test_a_panic_is_told_with_its_text(self):
        """150"""
        mark = self.host.mark()
        self.db.send("echo c >/proc/sysrq-trigger")
        self.host.await_that("the panic's text", lambda: any(
            e["name"] == "guest_crashed" and "Kernel panic" in e["fields"].get("text", "")
            for e in self.host.events("db", "--since", str(mark))))
        self.host.await_event("db", "vm_reset", mark)
        self.host.await_ready("db", ("heartbeat",))
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
        refused = host.hvis("ip", "set", "web", "f8615163-df3e-46c5-913f-f2d2f965ed0e", "--dhcp", "--timeout", "200s", status=3)
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
        names = [json.loads(line)["name"] for line in host.ends_with(follow, 0).splitlines()]
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

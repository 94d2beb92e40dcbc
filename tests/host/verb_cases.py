"""The verbs of `hvis` that no other test asks of a guest, and what a person sees."""

import json
import os
import re
import signal
import threading

from host import PATIENCE
from two_guests import ADAPTER, TwoGuests


class VerbCases(TwoGuests):
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

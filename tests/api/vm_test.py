"""A loopback VM through its whole life; every answer is held against the contract."""

import itertools
import os
import re
import signal
import subprocess
import unittest

from contract import the_contract
from daemon import HVISD, Daemon
from vm_case import VmCase

VM = "/api/v1/vms/web"


class VmTest(VmCase):
    def test_answers_about_a_vm_that_does_not_run(self):
        self.assertEqual(self.ask("showVm")["state"], "stopped")
        self.assertEqual([vm["name"] for vm in self.ask("listVms")["vms"]], ["web"])
        self.assertEqual(self.ask("listVms", query="?state=running")["vms"], [])
        self.assertEqual(self.ask("showStatus", status=409)["code"], "unavailable")
        self.assertEqual(len(self.ask("listServices")["services"]), 4)
        self.assertEqual({entry["since"] for entry in self.ask("listServices")["services"]}, {None})
        self.assertEqual(self.ask("showHeartbeat")["policy"]["interval_ms"], 2000)
        self.assertIsNone(self.ask("showHeartbeat")["service"]["since"])
        self.assertFalse(self.ask("switchService", {"enabled": False}, service="kvp")["enabled"])
        self.assertFalse(self.ask("showVm")["definition"]["services"]["kvp"])
        for name in ("showVersion", "showHost", "listEvents", "listOperations", "listTokens", "showMetrics", "showContract"):
            self.ask(name)

    def test_services_that_are_not_there_are_answered_in_words(self):
        listed = {entry["service"]: entry["explanation"] for entry in self.ask("listServices")["not_offered"]}
        self.assertIn("file-copy", listed)
        for service, words in (("guest-services", "file copy"), ("file_copy", "file copy"), ("backup", "shadow copy")):
            for enabled in (True, False):
                refused = self.ask("switchService", {"enabled": enabled}, status=409, service=service)
                self.assertIn(words, refused["detail"])
                self.assertIn("is not in this version", refused["detail"])
                self.assertIn("hvis service enable NAME", refused["hint"])
        self.assertIn('"kpv"', self.ask("switchService", {"enabled": True}, status=404, service="kpv")["detail"])

    def test_a_limit_of_a_services_version_holds_from_the_next_start(self):
        def shown(listed):
            return {entry["service"]: (entry.get("max_version"), entry.get("message")) for entry in listed["services"]}

        refused = self.ask("changeVm", {"service_versions": {"kvp": "9.0"}}, status=400)
        self.assertEqual(refused["pointer"], "/service_versions/kvp")
        self.assertIn("3.0, 4.0, 5.0", refused["detail"])
        self.begin()
        newest = shown(self.ask("listServices"))["shutdown"][1]
        changed = self.ask("changeVm", {"service_versions": {"shutdown": "3.0"}})
        self.assertEqual(changed["pending"], ["service_versions"])
        self.assertEqual(shown(self.ask("listServices"))["shutdown"], ("3.0", newest))
        self.daemon.kill()
        self.daemon.start()
        self.assertEqual(self.ask("showVm")["definition"]["service_versions"], {"shutdown": "3.0"})
        self.assertEqual(self.carry_out("powerOffVm")["state"], "succeeded")
        self.assertEqual(shown(self.ask("listServices"))["shutdown"], ("3.0", None))
        self.begin()
        self.until(lambda: shown(self.ask("listServices"))["shutdown"] == ("3.0", "3.0"))
        self.assertNotEqual(newest, "3.0")
        self.ask("changeVm", {"service_versions": {"shutdown": None}})
        self.assertEqual(self.ask("showVm")["definition"]["service_versions"], {})

    def test_a_viewers_waits_leave_room_for_others(self):
        viewer = self.daemon.token("viewer")
        names = ["web"] + [f"v{number}" for number in range(11)]  # one VM alone takes no more than 24
        for name in names[1:]:
            self.ask("defineVm", {"name": name, "partition": "loopback", "memory": "64M"}, status=201)

        def wait(token=None, name="web"):
            target = self.operations["waitForVm"].target(vm=name)
            return self.daemon.request("POST", target, {"for": "running", "timeout_ms": 300000}, token=token)

        waits = (wait(viewer, names[number % len(names)]) for number in range(300))
        refused = next(answer for answer in waits if answer.status != 202)
        self.assertEqual(refused.status, 503)
        self.assertIn("256 operations of callers up to the role viewer", refused.json()["detail"])
        self.assertEqual(wait(self.daemon.token("operator")).status, 202)
        self.begin()

    def test_many_waits_leave_room_for_a_stop(self):
        self.begin()
        self.ask("switchService", {"enabled": False}, service="kvp")
        self.until(lambda: self.ask("listServices")["services"][3]["primary"] == "disabled")
        begun = [self.daemon.request("POST", f"{VM}/wait", {"for": "kvp", "timeout_ms": 300000}) for _ in range(40)]
        ended = [self.ask("showOperation", query="?wait_ms=100", id=answer.json()["id"]) for answer in begun]
        refused = [each["error"]["message"] for each in ended if each["state"] == "failed"]
        self.assertEqual(refused, ["too many wait for this VM already"] * 16)
        self.assertEqual(self.carry_out("stopVm", {"force": True})["state"], "succeeded")

    def test_events_come_in_pages(self):
        for number in range(4):
            self.ask("changeVm", {"description": str(number)})
        # They are stored some at a time, soon after they happened.
        self.until(lambda: len(self.ask("listEvents")["events"]) == 5)
        numbers, following = [], 0
        while following is not None:
            page = self.ask("listEvents", query=f"?since={following}&limit=2")
            numbers += [event["sequence"] for event in page["events"]]
            following = page.get("next")
        self.assertEqual(numbers, [event["sequence"] for event in self.ask("listEvents")["events"]])
        newest = self.ask("listEvents", query="?newest=true&limit=1")
        self.assertEqual([event["sequence"] for event in newest["events"]], numbers[-1:])
        older = self.ask("listEvents", query=f"?newest=true&limit=1&before={newest['next']}")
        self.assertEqual([event["sequence"] for event in older["events"]], numbers[-2:-1])
        refused = self.daemon.get("/api/v1/events?before=3", headers={"Accept": "text/event-stream"})
        self.assertEqual(refused.status, 400, refused.text)

    def test_pairs_of_a_vm_that_does_not_run_are_kept_for_it(self):
        for key in ("role", "a/b c", "watch", "ümläut"):
            self.ask("setPair", {"value": key + "!"}, pool="external", key=key)
            self.assertEqual(self.ask("showPair", pool="external", key=key)["value"], key + "!")
        self.ask("addPair", {"key": "role", "value": "x"}, status=409, pool="external")
        self.ask("showPair", status=409, pool="guest", key="role")
        self.ask("deletePair", pool="external", key="watch")
        self.ask("deletePair", status=404, pool="external", key="watch")
        pairs = self.ask("listPairs", pool="external")["pairs"]
        self.assertEqual(sorted(pair["key"] for pair in pairs), ["a/b c", "role", "ümläut"])
        self.begin()

        def keys_in_the_guest():
            return {pair["key"] for pair in self.ask("listPairs", pool="external")["pairs"]}

        # They are written one after the other.
        self.until(lambda: {"a/b c", "role", "ümläut"} <= keys_in_the_guest())

    def test_pairs_of_a_guest_that_is_shut_off_are_kept_for_it(self):
        self.begin()

        def guest_has(wanted):
            answer = self.daemon.get(f"{VM}/kvp/external")  # 409 until the guest is connected again
            return answer.status == 200 and {p["key"]: p["value"] for p in answer.json()["pairs"]} == wanted

        for key in ("role", "rack", "row"):
            self.ask("setPair", {"value": "1"}, pool="external", key=key)
        self.ask("pauseVm")
        self.ask("setPair", {"value": "2"}, pool="external", key="role")
        self.ask("addPair", {"key": "role", "value": "x"}, status=409, pool="external")
        self.ask("deletePair", pool="external", key="rack")
        self.assertEqual(self.ask("showPair", pool="external", key="role")["value"], "2")
        self.ask("showPair", status=404, pool="external", key="rack")
        self.assertIn("paused", self.ask("listPairs", status=409, pool="guest")["detail"])
        held = "?held=true"
        self.assertEqual(self.ask("listPairs", query=held, pool="external")["pairs"], self.ask("listPairs", pool="external")["pairs"])
        self.assertEqual(self.ask("showPair", query=held, pool="external", key="role"), {"key": "role", "value": "2"})
        self.ask("showPair", status=404, query=held, pool="external", key="rack")
        self.assertEqual(self.ask("listPairs", status=400, query=held, pool="guest")["parameter"], "held")
        self.ask("setPair", {"value": "x"}, status=400, query=held, pool="external", key="role")
        self.ask("resumeVm")
        self.until(lambda: guest_has({"role": "2", "row": "1"}))
        self.ask("switchService", {"enabled": False}, service="kvp")
        self.ask("setPair", {"value": "3"}, pool="external", key="role")
        self.ask("deletePair", pool="external", key="row")
        self.assertEqual(self.ask("listPairs", pool="external")["pairs"], [{"key": "role", "value": "3"}])
        self.ask("switchService", {"enabled": True}, service="kvp")
        self.until(lambda: guest_has({"role": "3"}))

    def test_bodies_say_nothing_that_path_and_query_are_for(self):
        pair = {"pool": "external", "key": "k"}
        for more, pointer in (({"pool": "guest"}, "/pool"), ({"key": "other"}, "/key"), ({"timeout_ms": 5}, "/timeout_ms"),
                              ({"initial": True}, "/initial"), ({"pool": "external"}, "/pool")):
            with self.subTest(more=more):
                self.assertEqual(self.ask("setPair", {"value": "x", **more}, status=400, **pair)["pointer"], pointer)
                if "key" not in more:
                    added = self.ask("addPair", {"key": "k", "value": "x", **more}, status=400, pool="external")
                    self.assertEqual(added["pointer"], pointer)
        self.assertEqual(self.ask("listPairs", pool="external")["pairs"], [])
        twice = self.ask("syncTime", {"timeout_ms": 5}, status=400, query="?timeout_ms=5")
        self.assertEqual(twice["pointer"], "/timeout_ms")

    def test_answers_about_a_vm_that_runs(self):
        self.begin()
        self.assertEqual(self.ask("showStatus")["state"], "running")
        for name in ("showVm", "showStats", "listServices", "showHeartbeat", "showTime", "showIp", "listVms"):
            self.ask(name)
        self.ask("syncTime", {})
        adapter = "f8615163-df3e-46c5-913f-f2d2f965ed0e"
        for body, pointer in (
            ({"adapter": "eth0", "dhcp": True}, "/adapter"),
            ({"adapter": adapter}, "/addresses"),
            ({"adapter": adapter, "addresses": ["192.0.2.7"]}, "/addresses/0"),
            ({"adapter": adapter, "dhcp": True, "gateways": ["::1"] * 6}, "/gateways"),
            ({"adapter": adapter, "dhcp": True, "gateways": ["::1", "192.0.2.1/24"]}, "/gateways/1"),
            ({"adapter": adapter, "dhcp": True, "dns_servers": ["ns.example"]}, "/dns_servers/0"),
            ({"adapter": adapter, "dhcp": True, "mtu": 9000}, "/mtu"),
        ):
            self.assertEqual(self.ask("setIp", body, status=400)["pointer"], pointer)
        fact = self.ask("deletePair", status=409, pool="parameters", key="HostName")
        self.assertIn("a fact of the host", fact["detail"])
        self.ask("setIp", {"adapter": "0" * 8 + adapter[8:], "dhcp": True}, status=404)
        self.ask("setIp", {"adapter": adapter, "addresses": ["192.0.2.7/24", "2001:db8::7/64"], "gateways": ["192.0.2.1"]})
        self.assertEqual(self.ask("showIp"), {"ipv4": ["192.0.2.7"], "ipv6": ["2001:db8::7"]})
        self.ask("pauseVm")
        self.assertEqual(self.ask("listVms")["vms"][0]["state"], "paused", "the list has it as soon as it is answered")
        self.assertEqual(self.ask("showStatus")["state"], "paused")
        self.ask("resumeVm")
        self.assertEqual(self.ask("listVms")["vms"][0]["state"], "running")
        changed = self.ask("changeHeartbeat", {"misses": 4})
        self.assertEqual((changed["policy"]["misses"], changed["policy"]["window"]), (4, 4))
        self.assertEqual(self.ask("showHeartbeat")["policy"]["misses"], 4)
        changed = self.ask("changeVm", {"memory": "128M", "description": "x"})
        self.assertIn("memory", " ".join(changed["pending"]))
        self.assertEqual(self.ask("deleteVm", status=409)["code"], "failed")
        switched = self.ask("switchService", {"enabled": False}, service="timesync")
        self.assertEqual(switched["primary"], "disabled")
        # What a worker pushes, it pushes at most once a second.
        running = re.compile(r'hvis_vm_state\{vm="web",id="[^"]+",state="running"\} 1')
        self.until(lambda: running.search(self.ask("showMetrics")))
        wanted = re.compile(r'hvis_service_status\{vm="web",[^}]*service="heartbeat",status="ok"\} 1')
        self.until(lambda: wanted.search(self.ask("showMetrics")))
        stopped = self.carry_out("stopVm", {"force": True})
        self.assertEqual(stopped["state"], "succeeded", stopped)
        self.assertEqual(self.ask("showVm")["state"], "stopped")
        self.ask("deleteVm")
        self.ask("showVm", status=404)

    def test_what_is_wrong_with_a_request_is_said_in_the_words_of_requests(self):
        for name in ("stopVm", "waitForVm", "exportVm"):
            with self.subTest(name=name):
                refused = self.ask(name, {"colour": 1}, status=400)
                self.assertEqual(refused["hint"], "GET /api/v1/openapi.yaml has the fields of every request")

    def test_definitions_say_what_is_wrong_with_them(self):
        for body, pointer in (
            ({"name": "x y", "memory": 1}, "/name"),
            ({"name": "x"}, "/memory"),
            ({"name": "x", "partition": "loopback", "memory": "64M", "heartbeat": {"misses": 0}}, "/heartbeat/misses"),
            ({"name": "x", "partition": "loopback", "memory": "64M", "colour": 1}, "/colour"),
        ):
            with self.subTest(body=body):
                self.assertEqual(self.ask("defineVm", body, status=400)["pointer"], pointer)
        self.ask("defineVm", {"name": "web", "partition": "loopback", "memory": "64M"}, status=409)

    def test_files_that_are_not_there_are_said_at_once(self):
        made = self.ask("defineVm", {"name": "x", "memory": "64M", "kernel": "/no/such/kernel"}, status=201)
        self.assertEqual(made["warnings"], ["the kernel /no/such/kernel cannot be read: No such file or directory"])
        changed = self.daemon.request("PATCH", "/api/v1/vms/x", {"kernel": "/bin/sh", "initrd": "/no/initrd"}).json()
        self.assertEqual(changed["warnings"], ["the initrd /no/initrd cannot be read: No such file or directory"])
        self.assertEqual(self.ask("changeVm", {"description": "y"})["warnings"], [])

    def test_events_are_followed_and_taken_up_again(self):
        follower = self.daemon.follow("/api/v1/events?since=0")
        self.begin()
        seen = list(itertools.islice(follower, 3))
        self.assertTrue(all(kind == "event" and data["sequence"] == number for kind, number, data in seen))
        rest = self.daemon.follow("/api/v1/events", {"Last-Event-ID": str(seen[1][1])})
        self.assertEqual(next(rest), seen[2])
        tested = self.ask("testHeartbeat")["event"]
        found = next(data for _, number, data in follower if number == tested["sequence"])
        self.assertEqual((found["name"], found["vm_name"]), ("alert_test", "web"))
        self.operations["listEvents"].contract.validate({"$ref": "#/components/schemas/Event"}, found)
        listed = self.ask("listEvents", query="?vm=web&severity=error&id=8001")["events"]
        self.assertEqual(listed, [found])
        newest = self.ask("listEvents", query="?newest=true&limit=1")
        self.assertEqual(newest["events"][0]["sequence"], newest["last"])

    def test_a_pool_is_watched_over_stops_and_starts_of_the_vm(self):
        watch = self.daemon.follow(f"{VM}/kvp/external/watch")
        kind, _, failure = next(watch)
        self.assertEqual((kind, failure["code"]), ("unavailable", "unavailable"))
        self.ask("setPair", {"value": "1"}, pool="external", key="k")
        self.begin()
        begun = list(itertools.takewhile(lambda event: event[0] != "ready", watch))
        self.assertEqual(begun, [("set", None, {"key": "k", "value": "1"})])
        self.ask("setPair", {"value": "2"}, pool="external", key="k")
        self.assertEqual(next(watch), ("set", None, {"key": "k", "value": "2"}))
        self.ask("switchService", {"enabled": False}, service="kvp")
        self.assertEqual(next(watch)[0], "unavailable")
        self.ask("switchService", {"enabled": True}, service="kvp")
        self.assertEqual(next(watch)[0], "ready")
        self.carry_out("powerOffVm")
        self.assertEqual(next(watch)[0], "unavailable")
        self.ask("setPair", {"value": "3"}, pool="external", key="k")
        self.ask("setPair", {"value": "x"}, pool="external", key="more")
        self.begin()
        # The guest is a new one, whose pool is empty at first: nobody is told before the host's pairs are set again.
        begun = list(itertools.takewhile(lambda event: event[0] != "ready", watch))
        self.assertEqual(begun, [("set", None, {"key": "k", "value": "3"}), ("set", None, {"key": "more", "value": "x"})])
        self.ask("deletePair", pool="external", key="k")
        self.assertEqual(next(watch), ("delete", None, {"key": "k"}))

    def test_a_watch_ends_with_the_vm(self):
        watch = self.daemon.follow(f"{VM}/kvp/guest/watch")
        self.assertEqual(next(watch)[0], "unavailable")
        self.ask("deleteVm")
        self.assertEqual([(kind, failure["code"]) for kind, _, failure in watch], [("unavailable", "not_found")])

    def test_a_vm_has_sixteen_watches(self):
        watches = [self.daemon.follow(f"{VM}/kvp/guest/watch") for _ in range(16)]
        for watch in watches:
            self.assertEqual(next(watch)[0], "unavailable")
        target = f"{VM}/kvp/guest/watch"
        self.assertEqual(self.daemon.get(target, headers={"Accept": "text/event-stream"}).status, 503)

    def test_operations_are_waited_for_and_cancelled(self):
        begun = self.daemon.request("POST", f"{VM}/wait", {"for": "running", "timeout_ms": 60000})
        operation = begun.json()["id"]
        self.assertEqual(self.ask("showOperation", query="?wait_ms=50", id=operation)["state"], "running")
        self.ask("cancelOperation", status=202, id=operation)
        self.assertEqual(self.ask("showOperation", query="?wait_ms=20000", id=operation)["state"], "cancelled")
        self.ask("cancelOperation", status=409, id=operation)
        self.ask("showOperation", status=404, id="00000000-0000-4000-8000-000000000000")

    def test_a_restart_of_hvisd_leaves_the_vm_alone(self):
        self.begin()
        before = self.ask("showStatus")
        self.daemon.stop()
        self.daemon.start()
        self.carry_out("waitForVm", {"for": "running", "timeout_ms": 20000})
        after = self.ask("showStatus")
        self.assertGreaterEqual(after["uptime_ms"], before["uptime_ms"])
        self.daemon.process.send_signal(signal.SIGKILL)
        self.daemon.process.wait()
        self.daemon.start()
        self.carry_out("waitForVm", {"for": "running", "timeout_ms": 20000})
        self.assertGreaterEqual(self.ask("showStatus")["uptime_ms"], after["uptime_ms"])

    def test_the_database_is_backed_up_while_hvisd_goes_on(self):
        path = os.path.join(self.daemon.directory, "copy.db")
        copied = self.carry_out("backupDatabase", {"path": path})
        self.assertEqual(copied["state"], "succeeded", copied)
        self.assertGreater(os.path.getsize(path), 0)
        self.assertEqual(self.carry_out("backupDatabase", {"path": path})["state"], "failed")
        self.ask("backupDatabase", {"path": "relative"}, status=400)

    def test_a_worker_that_a_restored_database_knows_nothing_of_is_told(self):
        path = os.path.join(self.daemon.directory, "copy.db")
        self.assertEqual(self.carry_out("backupDatabase", {"path": path})["state"], "succeeded")
        late = {"name": "late", "partition": "loopback", "memory": "64M"}
        made = self.ask("defineVm", late, status=201)["definition"]
        self.assertEqual(self.daemon.operation("POST", "/api/v1/vms/late/start")["state"], "succeeded")
        self.daemon.stop()
        subprocess.run([HVISD, "--config", self.daemon.path("hvisd.toml"), "--state-directory", self.daemon.path("state"),
                        "--restore", path], check=True, stdout=subprocess.DEVNULL)
        self.daemon.start()
        socket = self.daemon.path("run", "vms", made["id"], "control.sock")
        self.assertIn(f"hvis-vm --connect {socket} power-off", self.daemon.said())
        self.until(lambda: any(event["name"] == "worker_unknown" for event in self.ask("listEvents")["events"]))
        told = next(event for event in self.ask("listEvents")["events"] if event["name"] == "worker_unknown")
        self.assertEqual((told["fields"]["id"], told["fields"]["socket"]), (made["id"], socket))
        stopped = self.carry_out("stopAll")
        self.assertEqual(stopped["state"], "failed", stopped)
        self.assertIn(made["id"], stopped["error"]["message"])
        # Its definition makes it known again, with the worker that it has.
        self.ask("defineVm", {**late, "id": made["id"]}, status=201)
        self.until(lambda: self.daemon.get("/api/v1/vms/late").json()["state"] == "running")
        self.assertEqual(self.carry_out("stopAll")["state"], "succeeded")


class NoWorkerTest(unittest.TestCase):
    def test_a_missing_worker_program_is_told_at_the_start_and_not_tried_again(self):
        with Daemon(worker="/no/such/hvis-vm", contract=the_contract()) as daemon:
            self.assertIn("no VM can be started: workers.program: /no/such/hvis-vm", daemon.said())
            definition = {"name": "web", "partition": "loopback", "memory": "64M", "restart": {"when": "always"}}
            self.assertEqual(daemon.request("POST", "/api/v1/vms", definition).status, 201)
            started = daemon.operation("POST", "/api/v1/vms/web/start")
            self.assertEqual(started["state"], "failed", started)
            self.assertIn("workers.program", started["error"]["message"])
            self.assertEqual(daemon.get("/api/v1/vms/web").json()["state"], "failed")


if __name__ == "__main__":
    unittest.main()

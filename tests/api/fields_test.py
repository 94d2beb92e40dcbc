"""Each field of a definition and each parameter of a query once, taken and shown again; and what only a guest with a fault has."""

import os
import unittest

from vm_case import VmCase

FIRST = {
    "description": "first", "memory": 64 << 20, "processors": 2, "kernel": "/boot/first", "initrd": "/boot/first.img", "append": "quiet",
    "services": {"heartbeat": False, "shutdown": True, "timesync": False, "kvp": True},
    "service_versions": {"heartbeat": "1.0", "shutdown": "3.0", "timesync": "3.0", "kvp": "4.0"},
    "heartbeat": {"interval_ms": 1000, "latency_ms": 900, "misses": 2, "window": 5, "grace_ms": 1, "on_loss": "reset", "attempts": 1},
    "autostart": {"enabled": True, "order": 1, "delay_ms": 2, "stop_timeout_ms": 3},
    "restart": {"when": "always", "attempts": 1, "first_delay_ms": 2, "longest_delay_ms": 3, "forgive_after_ms": 4},
    "on_crash": "stop", "on_reset": "stop", "vmbus": {"max_version": "5.0"}, "acpi": {"s4": True},
}
SECOND = {
    "description": "second", "memory": 65 << 20, "processors": 3, "kernel": "/boot/second", "initrd": "/boot/second.img", "append": "",
    "services": {"heartbeat": True, "shutdown": False, "timesync": True, "kvp": False},
    "service_versions": {"heartbeat": "3.0", "shutdown": "3.1", "timesync": "4.0", "kvp": "5.0"},
    "heartbeat": {"interval_ms": 1001, "latency_ms": 901, "misses": 3, "window": 6, "grace_ms": 2, "on_loss": "power_off", "attempts": 2},
    "autostart": {"enabled": False, "order": 2, "delay_ms": 3, "stop_timeout_ms": 4},
    "restart": {"when": "never", "attempts": 2, "first_delay_ms": 3, "longest_delay_ms": 4, "forgive_after_ms": 5},
    "on_crash": "restart", "on_reset": "restart", "vmbus": {"max_version": "5.1"}, "acpi": {"s4": False},
}
ID = "0d6e0d3c-3d6b-4ba6-b4c6-6ed1ef7ba2a5"


class FieldsTest(VmCase):
    def test_a_definition_is_kept_and_changed_field_by_field(self):
        fixed = {"id": ID, "name": "full", "partition": "loopback"}
        made = self.ask("defineVm", {**FIRST, **fixed}, status=201)
        self.assertEqual(made["definition"], {**FIRST, **fixed})
        for name, value in SECOND.items():
            changed = self.daemon.request("PATCH", "/api/v1/vms/full", {name: value}).json()
            self.assertEqual(changed["definition"][name], value)
        self.assertEqual(changed["definition"], {**SECOND, **fixed})
        again = self.daemon.request("PATCH", "/api/v1/vms/full", {**fixed, "name": "renamed"}).json()
        self.assertEqual(again["definition"], {**SECOND, **fixed, "name": "renamed"})
        for name, value in (("id", ID[:-1] + "0"), ("partition", "kvm")):
            refused = self.daemon.request("PATCH", "/api/v1/vms/renamed", {name: value})
            self.assertEqual((refused.status, refused.json()["pointer"]), (400, f"/{name}"))

    def test_a_heartbeat_policy_is_changed_field_by_field(self):
        for name, value in SECOND["heartbeat"].items():
            self.assertEqual(self.ask("changeHeartbeat", {name: value})["policy"][name], value)

    def test_a_service_is_switched_with_its_limit(self):
        self.ask("changeVm", {"service_versions": {"kvp": "4.0"}})
        self.assertEqual(self.ask("switchService", {"enabled": False}, service="kvp")["max_version"], "4.0")

    def test_queries_choose(self):
        self.ask("defineVm", {"name": "mail", "partition": "loopback", "memory": "64M"}, status=201)
        self.assertEqual([vm["name"] for vm in self.ask("listVms", query="?name=ai")["vms"]], ["mail"])
        self.carry_out("startVm")
        self.assertEqual([each["kind"] for each in self.ask("listOperations", query="?vm=web")["operations"]], ["vm.start"])
        self.assertEqual(self.ask("listOperations", query="?vm=mail")["operations"], [])
        events = self.ask("listEvents", query="?service=manager&from=2020-01-01T00:00:00Z&vm=web")["events"]
        self.assertIn("vm_defined", [event["name"] for event in events])
        self.assertEqual(self.ask("listEvents", query="?until=2020-01-01T00:00:00Z")["events"], [])

    def test_requests_to_the_guest_are_given_their_time_in_the_query(self):
        self.begin()
        time = "?timeout_ms=20000"
        pool = {"pool": "external"}
        self.ask("addPair", {"key": "k", "value": "1"}, query=time, **pool)
        self.ask("setPair", {"value": "2"}, query=time, key="k", **pool)
        self.assertEqual(self.ask("showPair", query=time, key="k", **pool), {"key": "k", "value": "2"})
        self.assertIn({"key": "k", "value": "2"}, self.ask("listPairs", query=time, **pool)["pairs"])
        self.ask("deletePair", query=time, key="k", **pool)
        self.ask("syncTime", query=time)
        self.ask("syncTime", {"timeout_ms": 20000})
        self.ask("showIp", query=time)
        adapter = "f8615163-df3e-46c5-913f-f2d2f965ed0e"
        self.ask("setIp", {"adapter": adapter, "dhcp": True, "dns_servers": ["192.0.2.53"]}, query=time)
        self.ask("setIp", {"adapter": adapter, "dhcp": True, "timeout_ms": 20000})
        words = {"force": True, "reason": 1, "message": "so be it", "timeout_ms": 20000}
        self.assertEqual(self.carry_out("stopVm", words)["state"], "succeeded")

    def test_an_operation_says_why_it_failed(self):
        failed = self.carry_out("stopVm")
        self.assertEqual((failed["state"], failed["error"]["code"]), ("failed", "unavailable"), failed)
        self.begin()
        refused = self.carry_out("hibernateVm")
        self.assertEqual((refused["state"], refused["error"]["outcome"]), ("failed", "refused"), refused)
        self.assertGreater(refused["error"]["guest_status"], 1 << 31, "an HRESULT that says no")


class FaultyGuestTest(VmCase):
    """Guests with a fault that the worker's configuration knows, and hvisd's does not."""

    def prepare(self):
        script = self.daemon.path("worker")
        with open(script, "w", encoding="utf-8") as file:
            file.write('#!/bin/sh\nsed "s/^{/{\\"loopback\\":{\\"fault\\":\\"$(cat "$0.fault")\\"},/" "$1" > "$1.faulty"\n'
                       f'exec "{self.daemon.worker}" "$1.faulty"\n')
        os.chmod(script, 0o700)
        self.daemon.worker = script

    def start_with(self, fault):
        with open(self.daemon.path("worker.fault"), "w", encoding="utf-8") as file:
            file.write(fault)
        started = self.carry_out("startVm")
        self.assertEqual(started["state"], "succeeded", started)

    def test_a_crash_is_shown(self):
        # Else the start has failed where the guest is faster than its worker's first word of it.
        self.ask("changeVm", {"on_crash": "restart"})
        self.start_with("crashes")
        self.until(lambda: "crash" in self.ask("showVm").get("status", {}))
        crash = self.ask("showVm")["status"]["crash"]
        self.assertEqual(len(crash["parameters"]), 5)
        self.assertNotEqual(crash["text"], "")

    def test_a_clock_that_is_wrong_is_shown(self):
        self.ask("changeVm", {"service_versions": {"timesync": "3.0"}})  # later ones have no place for the guest's clock
        self.start_with("wrong-clock")
        self.until(lambda: "guest_offset_us" in self.ask("showTime"))
        self.assertGreater(self.ask("showTime")["guest_offset_us"], 3_000_000_000)
        self.until(lambda: "offset_us" in self.ask("showStats").get("clock", {}))


if __name__ == "__main__":
    unittest.main()

"""The check box of a service, as the guest sees it: its channel goes and comes within five seconds."""

import datetime
import os
import signal
import time
import unittest

from contract import the_contract
from daemon import PATIENCE, Daemon

VM = "/api/v1/vms/web"
SERVICES = ("heartbeat", "shutdown", "timesync", "kvp")
# Supervisor's Timings::service_note: after so long the administrator is told what is missing.
LIMIT = datetime.timedelta(seconds=5)


def moment(event):
    return datetime.datetime.fromisoformat(event["time"].replace("Z", "+00:00"))


class ServiceTest(unittest.TestCase):
    def setUp(self):
        self.daemon = Daemon(contract=the_contract()).__enter__()
        self.addCleanup(self.daemon.__exit__)
        definition = {"name": "web", "partition": "loopback", "memory": "64M"}
        self.assertEqual(self.daemon.request("POST", "/api/v1/vms", definition).status, 201)
        self.assertEqual(self.daemon.operation("POST", f"{VM}/start")["state"], "succeeded")
        for service in SERVICES:
            self.event_after(0, "service_negotiated", service)

    def event_after(self, number, name, service):
        """The first of this kind with a higher number; waits for it."""
        deadline = time.monotonic() + PATIENCE
        while True:
            events = self.daemon.get(f"/api/v1/events?vm=web&since={number + 1}").json()["events"]
            found = [event for event in events if event["name"] == name and event["service"] == service]
            if found:
                return found[0]
            self.assertLess(time.monotonic(), deadline, [event["text"] for event in events])
            time.sleep(0.05)

    def switch(self, service, enabled):
        answer = self.daemon.request("PATCH", f"{VM}/services/{service}", {"enabled": enabled})
        self.assertEqual(answer.status, 200, answer.text)
        return answer.json()

    def test_the_guest_follows_the_check_box(self):
        for service in SERVICES:
            with self.subTest(service=service):
                last = self.daemon.get("/api/v1/events?newest=true&limit=1").json()["last"]
                self.assertEqual(self.switch(service, False)["primary"], "disabled")
                switched = self.event_after(last, "service_disabled", service)
                shown = self.switch(service, True)
                switched = self.event_after(switched["sequence"], "service_enabled", service)
                # The guest has let go of the old channel, opened the new one and agreed on versions.
                followed = self.event_after(switched["sequence"], "service_negotiated", service)
                self.assertLess(moment(followed) - moment(switched), LIMIT)
                self.assertEqual(shown["note"], "", "the answer waits for the guest, up to that limit")

    def test_a_silent_worker_is_told_of(self):
        pid = int(self.event_after(0, "worker_started", "manager")["fields"]["pid"])
        os.kill(pid, signal.SIGSTOP)
        try:
            for enabled in (False, True):
                began = time.monotonic()
                shown = self.switch("timesync", enabled)
                self.assertGreaterEqual(time.monotonic() - began, LIMIT.total_seconds() - 0.5)
                self.assertRegex(shown["note"], "has not confirmed it yet|does not answer")
                self.assertNotIn("start it", shown["explanation"])
        finally:
            os.kill(pid, signal.SIGCONT)

    def test_what_is_waited_for_is_what_is_shown(self):
        self.switch("heartbeat", False)
        self.daemon.request("PATCH", f"{VM}/services/heartbeat", {"enabled": True})
        waited = self.daemon.operation("POST", f"{VM}/wait", {"for": "heartbeat", "timeout_ms": PATIENCE * 1000})
        self.assertEqual(waited["state"], "succeeded", waited)
        # The summary, which else follows the worker's pushes, of which there is one in a second at most.
        shown = {service["service"]: service["primary"] for service in self.daemon.get(VM).json()["status"]["services"]}
        self.assertEqual(shown["heartbeat"], "ok")


if __name__ == "__main__":
    unittest.main()

"""A worker that does not understand what this hvisd writes for it: of another version, for example."""

import os
import time
import unittest

from contract import the_contract
from daemon import Daemon

VM = "/api/v1/vms/web"


class RefusedConfigurationTest(unittest.TestCase):
    def setUp(self):
        self.daemon = Daemon(contract=the_contract())
        script = self.daemon.path("old-worker")
        with open(script, "w", encoding="utf-8") as file:
            file.write(f'#!/bin/sh\nsed s/processors/cores/ "$1" > "$1.old"\nexec "{self.daemon.worker}" "$1.old"\n')
        os.chmod(script, 0o700)
        self.daemon.worker = script
        self.daemon.__enter__()
        self.addCleanup(self.daemon.__exit__)

    def test_is_not_tried_again_and_told_with_its_field(self):
        definition = {"name": "web", "partition": "loopback", "memory": "64M", "restart": {"when": "always", "first_delay_ms": 10}}
        self.daemon.request("POST", "/api/v1/vms", definition)
        started = self.daemon.operation("POST", f"{VM}/start")
        self.assertEqual(started["state"], "failed")
        self.assertIn("/cores: unknown field", started["error"]["message"])
        time.sleep(0.5)
        summary = self.daemon.get(VM).json()
        self.assertEqual(summary["state"], "failed")
        self.assertIn("the worker refuses its configuration", summary["explanation"])
        self.assertIn("/cores: unknown field", summary["explanation"])
        events = self.daemon.get("/api/v1/events?vm=web").json()["events"]
        self.assertEqual([event["name"] for event in events], ["vm_defined", "worker_failed"])
        self.assertIn("/cores: unknown field", events[-1]["text"])


if __name__ == "__main__":
    unittest.main()

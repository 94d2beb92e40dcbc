"""What a running hvisd says at /metrics: Prometheus' own tool finds nothing to mend, docs/metrics.md has every name."""

import os
import re
import subprocess
import time
import unittest

from daemon import PATIENCE, Daemon

SOURCE = os.environ.get("HVIS_SOURCE", os.path.join(os.path.dirname(__file__), "..", ".."))
FROM_THE_GUEST = ("hvis_heartbeat_age_seconds", "hvis_heartbeat_round_trip_seconds_count", "hvis_ring_packets_total")


class MetricsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon().__enter__()
        cls.addClassCleanup(cls.daemon.__exit__)
        for name in ("web", "db"):
            cls.daemon.request("POST", "/api/v1/vms", {"name": name, "partition": "loopback", "memory": "64M"})
        started = cls.daemon.operation("POST", "/api/v1/vms/web/start")
        waited = cls.daemon.operation("POST", "/api/v1/vms/web/wait", {"for": "heartbeat", "timeout_ms": 60000})
        assert (started["state"], waited["state"]) == ("succeeded", "succeeded"), (started, waited)
        # The guest's counts are asked for now and then; all families shall be there.
        deadline = time.monotonic() + PATIENCE
        cls.text = ""
        while not all(name + "{" in cls.text for name in FROM_THE_GUEST) and time.monotonic() < deadline:
            time.sleep(0.1)
            answer = cls.daemon.get("/metrics")
            cls.type, cls.text = answer.content_type, answer.text

    def test_promtool_finds_nothing_to_mend(self):
        done = subprocess.run(["promtool", "check", "metrics"], input=self.text, capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""), self.text)
        self.assertTrue(self.type.startswith("text/plain"), self.type)

    def test_both_vms_are_there_and_one_has_a_guest(self):
        for name in ("web", "db"):
            self.assertRegex(self.text, rf'\nhvis_[a-z_]+\{{[^}}]*"{name}"')
        for name in FROM_THE_GUEST:
            self.assertRegex(self.text, rf'\n{name}\{{[^}}]*"web"')

    def test_the_page_has_every_name(self):
        with open(os.path.join(SOURCE, "docs", "metrics.md"), encoding="utf-8") as file:
            page = file.read()
        names = re.findall(r"^# TYPE (\S+) ", self.text, re.MULTILINE)
        self.assertGreater(len(names), 10)
        for name in names:
            self.assertIn(name, page)


if __name__ == "__main__":
    unittest.main()

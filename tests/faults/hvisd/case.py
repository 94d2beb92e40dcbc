"""What the fault tests of hvisd share: a running hvisd, loopback VMs, and looks at its log."""

import os
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "..", "api"))
from daemon import Daemon  # noqa: E402
from worker import await_worker  # noqa: E402

PATIENCE = 60
# What an administrator would call at once, on a machine that has other work too.
AT_ONCE = 5


class FaultCase(unittest.TestCase):
    def run_hvisd(self, **how):
        self.daemon = Daemon(**how)
        self.addCleanup(self.end)
        self.daemon.start()

    def end(self):
        if self.daemon.process is None:
            self.daemon.start()
        self.daemon.__exit__()

    def ask(self, method, target, body=None, status=200):
        answer = self.daemon.request(method, "/api/v1" + target, body)
        self.assertEqual(answer.status, status, answer.text)
        return answer.json()

    def start_vm(self, name="web", **more):
        definition = {"name": name, "partition": "loopback", "memory": "1M", **more}
        vm = self.ask("POST", "/vms", definition, status=201)["id"]
        self.carry_out("start", name)
        return await_worker(self.daemon.path("run", "vms", vm, "control.sock"))

    def carry_out(self, what, name="web", body=None):
        done = self.daemon.operation("POST", f"/api/v1/vms/{name}/{what}", body)
        self.assertEqual(done["state"], "succeeded", done)

    def state(self, name="web"):
        return self.ask("GET", f"/vms/{name}")["state"]

    def events(self, *names, since=0):
        found = []
        while page := self.ask("GET", f"/events?since={since}&limit=10000")["events"]:
            found += [event for event in page if not names or event["name"] in names]
            since = page[-1]["sequence"] + 1
        return found

    def await_events(self, name, count=1, patience=PATIENCE):
        self.until(lambda: len(self.events(name)) >= count, f"{count} of {name}", patience)
        return self.events(name)

    def until(self, condition, what, patience=PATIENCE):
        deadline = time.monotonic() + patience
        while not condition():
            self.assertLess(time.monotonic(), deadline, f"waited in vain for {what}")
            time.sleep(0.1)

    def await_end(self, worker):
        def gone():
            try:
                type(worker)(worker.path)
            except OSError:
                return True
            return False

        self.until(gone, "the end of the worker")

    def at_once(self, work):
        """The API answers although something else is slow."""
        begin = time.monotonic()
        result = work()
        self.assertLess(time.monotonic() - begin, AT_ONCE)
        return result

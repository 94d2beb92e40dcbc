"""A hvisd with one loopback VM, asked by the names that the contract gives to its operations."""

import time
import unittest

from contract import the_contract
from daemon import PATIENCE, Daemon, quote


class VmCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.operations = {o.spec["operationId"]: o for o in the_contract().operations}

    def setUp(self):
        self.daemon = Daemon(contract=the_contract())
        self.prepare()
        self.daemon.__enter__()
        self.addCleanup(self.daemon.__exit__)
        self.ask("defineVm", {"name": "web", "partition": "loopback", "memory": "64M"}, status=201)

    def prepare(self):
        """Before hvisd is started."""

    def ask(self, name, body=None, status=200, query="", **names):
        operation = self.operations[name]
        target = operation.target(vm="web", **{key: quote(value) for key, value in names.items()})
        response = self.daemon.request(operation.method, target + query, body)
        self.assertEqual(response.status, status, response.text)
        return response.json() if "json" in response.content_type else response.text

    def carry_out(self, name, body=None):
        operation = self.operations[name]
        return self.daemon.operation(operation.method, operation.target(vm="web"), body)

    def until(self, condition):
        deadline = time.monotonic() + PATIENCE
        while not condition():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)

    def begin(self):
        started = self.carry_out("startVm")
        self.assertEqual(started["state"], "succeeded", started)
        for condition in ("heartbeat", "kvp"):
            waited = self.carry_out("waitForVm", {"for": condition, "timeout_ms": 60000})
            self.assertEqual(waited["state"], "succeeded", waited)

"""Requests of any shape for every route: no answer outside the contract, nothing taken that the contract forbids, no 500, no crash.
Most meet a VM that runs, an operation and a token: whatever they do to them, they are there again for the next.

HVIS_FUZZ_SEED repeats a run, HVIS_FUZZ_ROUNDS (for each route) makes it longer."""

import os
import random
import re
import time
import unittest

from contract import the_contract
from daemon import PATIENCE, Connection, Daemon, Response, quote

SEED = int(os.environ.get("HVIS_FUZZ_SEED", str(time.time_ns() % 1_000_000)))
ROUNDS = int(os.environ.get("HVIS_FUZZ_ROUNDS", "15"))
TEXTS = ["", "a", "x" * 300, "é\u0000", "../../etc/passwd", "/", "/etc/shadow", "\ud83d\ude00", "\u202e", "%00", "-1", "null",
         "\r\nX: y", "512M", "1e9", "a" * 70000]
# For every pattern of the contract there is one.
GOOD_TEXTS = ["fuzz", "a b/c", "x" * 200, "64M", "/no/such/file", "0d6e0d3c-3d6b-4ba6-b4c6-6ed1ef7ba2a5"]
NUMBERS = [0, 1, -1, 2**31, 2**32, 2**53, 2**63, -(2**63), 2**64, 10**30, 0.5, -0.0, 1e308]
VICTIM = {"name": "victim", "partition": "loopback", "memory": "64M"}
# Of the requests about a VM, how many meet the victim at the least; names() has it eight times of ten.
LEAST_MET = 0.5
# So often the answer is asked for as a stream of events.
STREAMED = 0.1
# These would end the work of the others, or fill the disk: their bodies are fuzzed, but never good.
NOT_FOR_REAL = {"stopAll", "exportVm", "importVm", "backupDatabase"}


class Shapes:
    """JSON values: right ones by a schema, wrong ones by chance."""

    def __init__(self, contract, random_):
        self.contract = contract
        self.random = random_

    def any(self, depth=3):
        kind = self.random.randrange(7 if depth else 5)
        if kind == 0:
            return None
        if kind == 1:
            return self.random.random() < 0.5
        if kind == 2:
            return self.random.choice(NUMBERS)
        if kind in (3, 4):
            return self.random.choice(TEXTS)
        if kind == 5:
            return [self.any(depth - 1) for _ in range(self.random.randrange(4))]
        return {self.random.choice(TEXTS)[:40]: self.any(depth - 1) for _ in range(self.random.randrange(4))}

    def fitting(self, schema):
        schema = self.contract.resolve(schema)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self.random.choice(schema["enum"])
        if "oneOf" in schema:
            return self.fitting(self.random.choice(schema["oneOf"]))
        kind = schema.get("type", "object")
        if kind == "boolean":
            return self.random.random() < 0.5
        if kind == "integer":
            low = schema.get("minimum", 0)
            return self.random.choice([low, min(low + 100, schema.get("maximum", low + 100)), schema.get("maximum", low + 7)])
        if kind == "array":
            return [self.fitting(schema.get("items", {"type": "string"}))]
        if kind == "string":
            fit = [text[:schema.get("maxLength")] for text in GOOD_TEXTS if re.search(schema.get("pattern", ""), text)]
            return self.random.choice(fit)
        value = {}
        for name, member in schema.get("properties", {}).items():
            if name in schema.get("required", []) or self.random.random() < 0.4:
                value[name] = self.fitting(member)
        return value

    def broken(self, operation):
        """A fitting body in which one thing is wrong."""
        value = self.fitting(operation.body_schema())
        place = value
        while isinstance(place, dict) and place:
            name = self.random.choice(list(place))
            if not isinstance(place[name], dict) or self.random.random() < 0.5:
                way = self.random.randrange(3)
                if way == 0:
                    place[name] = self.any()
                elif way == 1:
                    del place[name]
                else:
                    # What path and query say, a body must not say otherwise.
                    stray = self.random.choice([{"name": "unknown", "schema": {}}, *operation.parameters])
                    place[stray["name"]] = self.fitting(stray["schema"])
                break
            place = place[name]
        return value


class FuzzTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.contract = the_contract()
        cls.daemon = Daemon(contract=cls.contract).__enter__()
        cls.addClassCleanup(cls.daemon.__exit__)

    def setUp(self):
        self.random = random.Random(SEED)
        self.shapes = Shapes(self.contract, self.random)
        self.asked = 0  # about a VM
        self.met = 0
        self.done = set()

    def revive(self):
        """Lets the victim run, as a new VM if it must be."""
        victim = self.daemon.get("/api/v1/vms/victim")
        state = victim.json()["state"] if victim.status == 200 else "gone"
        if state == "running":
            return
        if state == "paused" and self.daemon.request("POST", "/api/v1/vms/victim/resume").status == 200:
            return
        if state != "gone":
            self.remove()
        made = self.daemon.request("POST", "/api/v1/vms", VICTIM)
        self.assertEqual(made.status, 201, f"seed {SEED}: " + made.text)
        started = self.daemon.operation("POST", "/api/v1/vms/victim/start")
        self.assertEqual(started["state"], "succeeded", f"seed {SEED}: {started}")

    def remove(self):
        """What an earlier request began may still be under way, and holds the VM until it ends."""
        deadline = time.monotonic() + 60
        response = self.daemon.request("DELETE", "/api/v1/vms/victim")
        while response.status == 409 and time.monotonic() < deadline:
            self.daemon.request("POST", "/api/v1/vms/victim/power-off")
            time.sleep(0.02)
            response = self.daemon.request("DELETE", "/api/v1/vms/victim")
        self.assertIn(response.status, (200, 404), f"seed {SEED}: " + response.text)

    def live_id(self, operation):
        """The id of something that is there: of a token, else of an operation that goes on for as long as it is let."""
        if operation.path.startswith("/api/v1/tokens"):
            return self.daemon.request("POST", "/api/v1/tokens", {"name": "fuzz", "role": "viewer"}).json()["id"]
        running = [each["id"] for each in self.daemon.get("/api/v1/operations").json()["operations"] if each["state"] == "running"]
        if running:
            return self.random.choice(running)
        self.revive()
        return self.daemon.request("POST", "/api/v1/vms/victim/wait", {"for": "stopped", "timeout_ms": 3600000}).json()["id"]

    def names(self, operation):
        pick = self.random.choice
        names = {
            "vm": quote(pick(["victim"] * 8 + ["fuzz", pick(TEXTS)[:300] or "x"])),
            "service": pick(["kvp", "heartbeat", "nonsense"]),
            "pool": pick(["external", "parameters", "guest", "auto", "nonsense"]),
            "key": quote(pick(["k", "a/b", pick(TEXTS)[:300] or "x"])),
            "id": pick(["0", "00000000-0000-4000-8000-000000000000", quote(pick(TEXTS)[:100] or "x")]),
        }
        if "{id}" in operation.path and self.random.random() < 0.8:
            names["id"] = self.live_id(operation)
        return names

    def query(self, operation):
        parts = []
        for parameter in operation.parameters:
            if parameter["in"] == "query" and self.random.random() < 0.3:
                value = self.shapes.fitting(parameter["schema"]) if self.random.random() < 0.5 else self.shapes.any(0)
                if parameter["name"] == "wait_ms":
                    value = 1
                parts.append(f"{parameter['name']}={quote(str(value).encode('utf-8', 'replace').decode())}")
        if self.random.random() < 0.1:
            parts.append("unknown=1")
        return "?" + "&".join(parts) if parts else ""

    def body(self, operation):
        schema = operation.body_schema()
        way = self.random.randrange(4)
        if schema is None:
            return None if way else self.shapes.any()
        if operation.spec["operationId"] in NOT_FOR_REAL or way == 0:
            return self.shapes.any()
        return self.shapes.fitting(schema) if way == 1 else self.shapes.broken(operation)

    def send(self, operation):
        names = self.names(operation)
        target = operation.target(**names) + self.query(operation)
        body = self.body(operation)
        if operation.spec["operationId"] == "stopAll" and not body:
            body = {"x": 1}
        about_vm = "{vm}" in operation.path
        if about_vm:
            self.revive()
        with self.subTest(seed=SEED, operation=repr(operation), target=target[:200], body=repr(body)[:300]):
            answer = self.begin if self.random.random() < STREAMED else self.daemon.request
            response = answer(operation.method, target, body)
            self.assertNotIn(response.status, (500, 503), response.text)
            self.asked += about_vm
            self.met += about_vm and names["vm"] == "victim" and "there is no VM" not in response.text
            if response.status < 400:
                self.done.add(operation.spec["operationId"])

    def begin(self, method, target, body):
        """Asks for events; where they come, leaves."""
        headers = {"Accept": "text/event-stream"}
        connection = self.daemon.send(method, target, body, headers)
        try:
            answer = connection.getresponse()
            is_stream = answer.headers.get("Content-Type") == "text/event-stream"
            response = Response(answer, text="" if is_stream else None)
        finally:
            connection.close()
        self.contract.check(method, target, body, headers, response)
        return response

    def until_no_stream_is_open(self):
        deadline = time.monotonic() + PATIENCE
        while "\nhvis_http_streams 0\n" not in self.daemon.get("/metrics").text:
            self.assertLess(time.monotonic(), deadline, f"seed {SEED}: streams of clients that have left are still open")
            time.sleep(0.05)

    def test_requests_of_any_shape(self):
        self.revive()
        for target in ("/api/v1/events", "/api/v1/vms/victim/kvp/external/watch"):
            self.assertEqual(self.begin("GET", target, None).status, 200)
        for _ in range(ROUNDS):
            # Else the same requests would always come after the one that ends the VM.
            for operation in self.random.sample(self.contract.operations, len(self.contract.operations)):
                self.send(operation)
        self.assertGreaterEqual(self.met / self.asked, LEAST_MET, f"seed {SEED}: {self.met} of {self.asked}")
        if ROUNDS >= 15:  # fewer may miss them
            self.assertLessEqual({"showOperation", "deleteToken"}, self.done, f"seed {SEED}: no live id was met")
        self.until_no_stream_is_open()
        self.assertTrue(self.daemon.alive(), f"seed {SEED}: " + self.daemon.said())
        self.assertEqual(self.daemon.get("/api/v1/vms").status, 200)

    def test_bytes_of_any_shape(self):
        begins = [b"GET /api/v1/vms HTTP/1.1\r\n", b"POST /api/v1/vms HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n", b"",
                  b"GET /api/v1/vms HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"]
        for _ in range(ROUNDS * 10):
            connection = Connection(self.daemon.socket, timeout=5)
            connection.connect()
            try:
                connection.sock.sendall(self.random.choice(begins) + self.random.randbytes(self.random.randrange(300)))
                if self.random.random() < 0.3:
                    connection.sock.sendall(b"\r\n\r\n")
                    connection.sock.settimeout(0.05)
                    connection.sock.recv(1000)
            except OSError:
                pass  # it may hang up whenever it likes
            finally:
                connection.close()
        self.assertTrue(self.daemon.alive(), f"seed {SEED}: " + self.daemon.said())
        self.assertEqual(self.daemon.get("/api/v1/version").status, 200)

    def test_json_that_is_none(self):
        bodies = [b"{", b"[", b'{"a":1,"a":2}', b'{"name":"\xff"}', b"{}x", b"[" * 100000, b'{"a":' * 40 + b"1" + b"}" * 40, b"nul",
                  b'"' + b"x" * 1000 + b'"', b"1e999999", b"\x00", b'{"a":"\\ud800"}']
        for body in bodies:
            with self.subTest(body=body[:50]):
                response = self.daemon.request("POST", "/api/v1/vms", body, {"Content-Type": "application/json"})
                self.assertEqual(response.status, 400, response.text)
        big = self.daemon_post_big()
        self.assertEqual(big.status, 413)

    def daemon_post_big(self):
        connection = Connection(self.daemon.socket)
        connection.putrequest("POST", "/api/v1/vms")
        connection.putheader("Content-Length", str(100 * 1024 * 1024))
        connection.endheaders()
        try:
            return Response(connection.getresponse())
        finally:
            connection.close()


if __name__ == "__main__":
    unittest.main()

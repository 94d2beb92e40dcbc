"""What comes from outside: clocks that leap, clients that are slow or dead, receivers that never answer, workers that do not
answer."""

import base64
import http.server
import json
import os
import signal
import socket
import struct
import tempfile
import threading
import time
import unittest

from case import FaultCase
from daemon import Connection
from worker import Worker

CLOCK = os.environ.get("HVIS_TEST_CLOCK", "")
YEAR = 365 * 24 * 3600


class ClockTest(FaultCase):
    def setUp(self):
        self.offset = tempfile.NamedTemporaryFile(prefix="hvis-clock-")
        self.addCleanup(self.offset.close)
        self.leap(0)
        # A sanitizer's library wants to be the first, but need not be.
        options = os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"
        self.run_hvisd(config='[events]\nmax_age = "30d"\n',
                       environment={"LD_PRELOAD": CLOCK, "CLOCK_OFFSET": self.offset.name, "ASAN_OPTIONS": options})

    def leap(self, seconds):
        self.offset.seek(0)
        self.offset.write(struct.pack("q", seconds))
        self.offset.flush()

    def test_leaps_delete_nothing_and_hold_nothing_up(self):
        worker = self.start_vm(heartbeat={"interval_ms": 200, "latency_ms": 5000, "misses": 20, "window": 20, "grace_ms": 1000})
        self.carry_out("wait", body={"for": "heartbeat"})
        token = self.ask("POST", "/tokens", {"name": "ci", "role": "viewer"}, status=201)["token"]
        before = self.events()
        for years in (1, -2, 0, 30):
            with self.subTest(years=years):
                self.leap(years * YEAR)
                worker.make_events()
                host_year = int(self.daemon.get("/api/v1/vms/web/time").json()["host_time"][:4])
                self.assertAlmostEqual(host_year, time.gmtime().tm_year + years, delta=1)
                begin = time.monotonic()
                waited = self.daemon.operation("POST", "/api/v1/vms/web/wait", {"for": "stopped", "timeout_ms": 1000})
                self.assertEqual(waited["error"]["code"], "timed_out", waited)
                self.assertGreater(time.monotonic() - begin, 0.9)
                self.assertEqual(self.daemon.get("/api/v1/vms", token=token).status, 200)
        time.sleep(3)  # for the retention and some heartbeats to pass
        self.await_events("vm_resumed", 4)
        events = self.events()
        self.assertEqual(events[: len(before)], before)
        self.assertEqual([event["sequence"] for event in events], list(range(1, len(events) + 1)))
        self.assertNotIn("heartbeat_lost", [event["name"] for event in events])
        self.assertEqual(self.state(), "running")
        self.daemon.stop()
        self.leap(-5 * YEAR)
        self.daemon.start()
        self.until(lambda: self.state() == "running", "the VM that ran on")
        self.assertEqual(self.events()[: len(events)], events)


class SlowClientTest(FaultCase):
    CLIENTS = 100

    def setUp(self):
        self.run_hvisd()
        self.connections = []
        self.addCleanup(lambda: [connection.close() for connection in self.connections])

    def connect(self, text):
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.connections.append(connection)
        connection.connect(self.daemon.socket)
        connection.sendall(text)
        return connection

    def test_nobody_else_waits_for_them(self):
        worker = self.start_vm()
        for number in range(self.CLIENTS):
            self.connect((b"", b"GET /api/v1/vms HTT", b"GET /api/v1/vms HTTP/1.1\r\nHost: x\r\n",
                          b"POST /api/v1/vms HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{",
                          b"GET /api/v1/events?since=0 HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n")[number % 5])
        for _ in range(60):  # a worker records no more of one kind in a row than 72
            worker.make_events()
        self.at_once(lambda: self.ask("GET", "/vms"))
        self.at_once(lambda: self.ask("POST", "/vms/web/pause"))
        self.at_once(lambda: self.ask("POST", "/vms/web/resume"))
        self.await_events("vm_resumed", 61)
        for connection in self.connections[::2]:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()
        self.at_once(lambda: self.carry_out("power-off"))

    def test_requests_that_do_not_come_to_an_end_are_dropped(self):
        half = [self.connect(b"GET /api/v1/vms HTT") for _ in range(20)]
        begin = time.monotonic()
        for connection in half:
            connection.settimeout(60)
            while connection.recv(4096):
                pass
        self.assertLess(time.monotonic() - begin, 40, "15 s are the limit for a request")


class Receiver(http.server.BaseHTTPRequestHandler):
    """Takes events, or lets whoever brings one wait until the server is told to take them."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.begun.set()
        self.server.take.wait()
        self.server.taken.append(json.loads(body)["data"]["sequence"])
        try:
            self.send_response(204)
            self.end_headers()
        except OSError:
            pass  # hvisd has given up on this try

    def log_message(self, *_):
        pass


class SlowWebhookTest(FaultCase):
    def test_holds_up_nobody_and_gets_everything_in_the_end(self):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
        server.begun, server.take, server.taken = threading.Event(), threading.Event(), []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.shutdown)
        self.addCleanup(server.take.set)
        secret = "whsec_" + base64.b64encode(bytes(range(32))).decode()
        self.run_hvisd(config=f'[[webhook]]\nname = "slow"\nurl = "http://127.0.0.1:{server.server_port}/"\n'
                              f'secret = "{secret}"\ntimeout = "2s"\nseverity = "info"\n')
        worker = self.start_vm()
        self.assertTrue(server.begun.wait(30))
        for _ in range(60):
            worker.make_events()
        self.at_once(lambda: self.ask("GET", "/vms/web"))
        self.await_events("vm_resumed", 60)
        self.await_events("hook_failed")
        self.daemon.kill()  # what was under way is tried again by the next hvisd
        self.daemon.start()
        server.take.set()
        last = self.events("vm_resumed")[-1]["sequence"]
        self.until(lambda: last in server.taken, "the receiver to get everything")
        taken = sorted(set(server.taken))
        wanted = [event["sequence"] for event in self.events() if event["sequence"] <= last and not event["name"].startswith("hook_")]
        self.assertLessEqual(set(wanted), set(taken))


class UnreachableWorkerTest(FaultCase):
    def test_is_told_of_and_of_its_return(self):
        self.run_hvisd()
        worker = self.start_vm()
        worker.signal(signal.SIGSTOP)
        self.addCleanup(worker.signal, signal.SIGCONT)
        event = self.await_events("worker_unreachable")[0]
        self.assertIn("no answer", event["fields"]["why"])
        summary = self.ask("GET", "/vms/web")
        self.assertEqual(summary["state"], "unreachable")
        self.assertIn("does not answer", summary["explanation"])
        self.at_once(lambda: self.ask("GET", "/vms"))
        worker.signal(signal.SIGCONT)
        self.await_events("worker_reachable")
        self.until(lambda: self.state() == "running", "the worker's return")
        self.assertEqual(Worker(worker.path), worker, "nothing was done to it")
        self.assertEqual(len(self.events("worker_unreachable")), 1)

    def test_is_ended_when_its_power_is_cut(self):
        self.run_hvisd()
        worker = self.start_vm()
        worker.signal(signal.SIGSTOP)
        self.carry_out("power-off")
        self.assertEqual(self.state(), "stopped")
        with self.assertRaises(OSError):
            Worker(worker.path)


if __name__ == "__main__":
    unittest.main()

"""The control socket of a worker, for tests that look past hvisd."""

import json
import os
import signal
import socket
import struct
import time

PACKET = 65536


class Worker:
    """One worker that answered: its process, its run. Each request has a connection of its own."""

    def __init__(self, path, timeout=20):
        self.path = path
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
            self.run = self._greet(connection, timeout)["run"]
            credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
            self.pid = struct.unpack("3i", credentials)[0]

    def __eq__(self, other):
        return (self.pid, self.run) == (other.pid, other.run)

    def __repr__(self):
        return f"worker {self.pid} of run {self.run}"

    def _greet(self, connection, timeout):
        connection.settimeout(timeout)
        connection.connect(self.path)
        hello = json.loads(connection.recv(PACKET))["hello"]
        connection.send(b'{"hello":{"protocol":1}}')
        return hello

    def ask(self, verb, timeout=20, **args):
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
            self._greet(connection, timeout)
            connection.send(json.dumps({"id": 1, "verb": verb, "args": args}).encode())
            result = None
            while True:
                packet = json.loads(connection.recv(PACKET))
                if "error" in packet:
                    raise RuntimeError(f"{verb}: {packet['error']}")
                part = packet["result"]
                if result is None:
                    result = part
                else:
                    for name, value in part.items():
                        result[name] = result[name] + value if isinstance(value, list) else value
                if not packet.get("more"):
                    return result

    def events(self):
        """All that it keeps, as hvisd stores them: without number."""
        listed = self.ask("events.list")
        assert listed["lost"] == 0, "the test makes more events than a worker keeps"
        return [{key: event[key] for key in ("time", "id", "name", "fields")} for event in listed["events"]]

    def make_events(self):
        """Two at least."""
        self.ask("pause")
        self.ask("resume")

    def signal(self, number):
        os.kill(self.pid, number)

    def die(self):
        """Returns when nobody listens any more."""
        self.signal(signal.SIGKILL)
        while True:
            try:
                Worker(self.path)
            except OSError:
                return
            time.sleep(0.005)


def await_worker(path, other_than=None, patience=60):
    """The worker that listens there, once it does; one that is not `other_than`."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        try:
            worker = Worker(path)
            if other_than is None or worker.run != other_than.run:
                return worker
        except (OSError, json.JSONDecodeError):
            pass
        time.sleep(0.02)
    raise AssertionError(f"nobody listens on {path}")

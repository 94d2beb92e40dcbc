"""A hvisd of its own for a test, and a plain client of its API."""

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.parse

HVISD = os.environ.get("HVISD", "hvisd")
WORKER = os.environ.get("HVIS_VM", "hvis-vm")
PATIENCE = 60


class Connection(http.client.HTTPConnection):
    def __init__(self, path, timeout=PATIENCE):
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Response:
    def __init__(self, raw, text=None):
        self.status = raw.status
        self.headers = raw.headers
        self.content_type = raw.headers.get("Content-Type", "")
        self.text = raw.read().decode() if text is None else text

    def json(self):
        return json.loads(self.text)


def quote(name):
    return urllib.parse.quote(name.encode("utf-8", "surrogatepass"), safe="")


class Daemon:
    """Runs hvisd in a directory of its own; a context manager.

    `config` is the text of hvisd.toml, `prefix` gives the words that hvisd is run by, `environment` what it has beside ours. With a
    `contract`, every request and its answer are held against it."""

    def __init__(self, config="", worker=WORKER, prefix=lambda daemon: [], environment=None, contract=None):
        self.directory = tempfile.mkdtemp(prefix="hvisd-")
        self.socket = os.path.join(self.directory, "run", "hvisd.sock")
        self.worker = worker
        self.prefix = prefix(self)
        self.environment = {**os.environ, **(environment or {})}
        self.contract = contract
        self.process = None
        self.tokens = {}
        with open(self.path("hvisd.toml"), "w", encoding="utf-8") as file:
            file.write(config)

    def path(self, *names):
        return os.path.join(self.directory, *names)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        try:
            for vm in self.get("/api/v1/vms").json()["vms"]:
                if vm["state"] not in ("stopped", "failed"):
                    self.operation("POST", f"/api/v1/vms/{vm['id']}/power-off")
        finally:
            self.stop()
            shutil.rmtree(self.directory, ignore_errors=True)

    def arguments(self):
        return self.prefix + [HVISD, "--config", self.path("hvisd.toml"), "--state-directory", self.path("state"),
                              "--runtime-directory", self.path("run"), "--worker", self.worker, "--launcher", "child"]

    def launch(self):
        """Runs hvisd without waiting for it."""
        self.log = open(self.path("log"), "a", encoding="utf-8")
        self.process = subprocess.Popen(self.arguments(), stderr=self.log, env=self.environment)

    def start(self):
        self.launch()
        self.await_answer()

    def await_answer(self):
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            try:
                if self.get("/api/v1/version").status == 200:
                    return
            except OSError:
                time.sleep(0.05)
        raise AssertionError("hvisd does not answer:\n" + self.said())

    def said(self):
        with open(self.log.name, encoding="utf-8", errors="replace") as file:
            return file.read()

    def stop(self):
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            status = self.process.wait(PATIENCE)
            self.process = None
            self.log.close()
            if status != 0:
                raise AssertionError(f"hvisd ended with {status}:\n" + self.said())

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process = None
        self.log.close()

    def alive(self):
        return self.process.poll() is None

    def send(self, method, target, body=None, headers=None):
        """A connection on which the answer is to be read."""
        headers = dict(headers or {})
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
            headers.setdefault("Content-Type", "application/json")
        if isinstance(body, str):
            body = body.encode("utf-8", "surrogatepass")
        connection = Connection(self.socket)
        try:
            connection.request(method, target, body, headers)
        except OSError:
            connection.close()
            raise
        return connection

    def request(self, method, target, body=None, headers=None, token=None):
        headers = dict(headers or {})
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        connection = self.send(method, target, body, headers)
        try:
            response = Response(connection.getresponse())
        finally:
            connection.close()
        if self.contract:
            self.contract.check(method, target, body, headers, response)
        return response

    def get(self, target, **options):
        return self.request("GET", target, **options)

    def operation(self, method, target, body=None):
        """Does long work and waits for its end; returns the operation."""
        begun = self.request(method, target, body)
        if begun.status != 202:
            raise AssertionError(f"{method} {target}: {begun.status} {begun.text}")
        operation = begun.json()
        deadline = time.monotonic() + PATIENCE
        while operation["state"] == "running" and time.monotonic() < deadline:
            operation = self.get(f"{begun.headers['Location']}?wait_ms=5000").json()
        return operation

    def token(self, role):
        """The secret of a token with this role, made when it is first asked for."""
        if role not in self.tokens:
            made = self.request("POST", "/api/v1/tokens", {"name": role, "role": role})
            self.tokens[role] = made.json()["token"]
        return self.tokens[role]

    def follow(self, target, headers=None):
        """Server-sent events as (type, id, data), for as long as the caller takes them."""
        headers = {"Accept": "text/event-stream", **(headers or {})}
        connection = self.send("GET", target, headers=headers)
        answer = connection.getresponse()
        if answer.status != 200:
            raise AssertionError(f"GET {target}: {answer.status} {answer.read()}")
        if self.contract:
            self.contract.check("GET", target, None, headers, Response(answer, text=""))
        try:
            kind, number, data = "message", None, None
            for line in answer:
                line = line.decode().rstrip("\n")
                if not line:
                    if data is not None:
                        yield kind, number, json.loads(data)
                    kind, data = "message", None
                elif line.startswith("event: "):
                    kind = line[7:]
                elif line.startswith("id: "):
                    number = int(line[4:])
                elif line.startswith("data: "):
                    data = line[6:]
        finally:
            connection.close()

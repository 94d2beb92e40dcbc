"""hvisd with real guests, and `hvis` as an administrator types it."""

import json
import os
import pty
import re
import subprocess
import time

from daemon import Daemon
from guest import Guest

HVIS = os.environ["HVIS"]
GUEST_DIR = os.environ["HVIS_GUEST_DIR"]
# For anything that a guest does on an emulated processor beside others.
PATIENCE = 300
# Else a sanitizer keeps freed memory back, hundreds of MiB of it, and memory() tells that.
FRUGAL = "quarantine_size_mb=1:thread_local_quarantine_size_kb=16"


class Answer:
    def __init__(self, status, text, errors):
        self.status = status
        self.text = text
        self.errors = errors

    def json(self):
        return json.loads(self.text)

    def error(self):
        return json.loads(self.errors)["error"]


class Host(Daemon):
    """hvisd in a directory of its own, whose VMs are real guests."""

    def __init__(self):
        super().__init__(environment={"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", FRUGAL)})

    def surroundings(self):
        return dict(os.environ, HVIS_SOCKET=self.socket)

    def command(self, *words):
        return [HVIS, *words]

    def hvis(self, *words, status=0):
        """Runs hvis with --json; its exit status must be `status`."""
        answer = self.try_hvis(*words)
        if answer.status != status:
            raise AssertionError(f"hvis {' '.join(words)}: status {answer.status}, not {status}\n{answer.text}{answer.errors}")
        return answer

    def try_hvis(self, *words):
        done = subprocess.run([HVIS, "--json", *words], env=self.surroundings(), capture_output=True, text=True,
                              timeout=2 * PATIENCE, check=False)
        return Answer(done.returncode, done.stdout, done.stderr)

    def shown(self, *words):
        """What a person sees: the tables."""
        done = subprocess.run([HVIS, *words], env=self.surroundings(), capture_output=True, text=True, timeout=2 * PATIENCE,
                              check=False)
        if done.returncode != 0:
            raise AssertionError(f"hvis {' '.join(words)}: {done.stderr}")
        return done.stdout

    def begin(self, *words):
        return subprocess.Popen([HVIS, "--json", *words], env=self.surroundings(), stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True)

    def ends_with(self, begun, status, patience=2 * PATIENCE):
        """The answer to a command that was begun; it must end, and with this status."""
        try:
            answer = Answer(None, *begun.communicate(timeout=patience))
        except subprocess.TimeoutExpired:
            begun.kill()
            begun.communicate()
            raise AssertionError(f"{begun.args} did not end within {patience} s") from None
        answer.status = begun.returncode
        if answer.status != status:
            raise AssertionError(f"{begun.args}: status {answer.status}, not {status}\n{answer.text}{answer.errors}")
        return answer

    def console(self, name):
        """`hvis console` on a terminal of its own: the process, and the terminal's other end."""
        ours, theirs = pty.openpty()
        process = subprocess.Popen([HVIS, "console", name], env=self.surroundings(), stdin=theirs, stdout=theirs, stderr=theirs)
        os.close(theirs)
        return process, ours

    def create(self, name, *options):
        with open(f"{GUEST_DIR}/cmdline", encoding="utf-8") as file:
            cmdline = file.read().strip()
        self.hvis("vm", "create", name, "--kernel", f"{GUEST_DIR}/vmlinuz", "--initrd", f"{GUEST_DIR}/initrd", "--append",
                  cmdline, "--memory", "512M", *options)

    def await_ready(self, name, conditions=("heartbeat", "kvp")):
        for condition in conditions:
            self.hvis("wait", name, "--for", condition, "--timeout", f"{PATIENCE}s")

    def guest(self, name):
        vm = self.hvis("vm", "show", name).json()
        guest = Guest(os.path.join(self.directory, "run", "vms", vm["id"], "serial.sock"), PATIENCE)
        guest.connect()
        return guest

    def status(self, name):
        """As its worker says at this moment."""
        return self.hvis("status", name).json()["status"]

    def services(self, name):
        return {service["service"]: service for service in self.hvis("service", "list", name).json()["services"]}

    def events(self, name, *options):
        return self.hvis("events", name, *options).json()["events"]

    def await_that(self, what, condition):
        deadline = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError("never happened: " + what)
            time.sleep(0.2)

    def await_service(self, name, service, primary):
        self.await_that(f"{service} of {name} is {primary}", lambda: self.services(name)[service]["primary"] == primary)

    def await_services(self, name):
        """Until all are ok that are enabled."""
        self.await_that(f"all enabled services of {name} are ok",
                        lambda: {s["primary"] for s in self.services(name).values() if s["enabled"]} == {"ok"})

    def await_event(self, name, event, since, matches=lambda fields: True):
        found = []

        def look():
            found[:] = [e for e in self.events(name, "--since", str(since)) if e["name"] == event and matches(e["fields"])]
            return found

        self.await_that(f"event {event} of {name}", look)
        return found[0]

    def mark(self):
        """The number after the newest event."""
        events = self.hvis("events", "--limit", "1").json()["events"]
        return events[-1]["sequence"] + 1 if events else 1

    def files(self):
        """The descriptors of hvisd: the fewest of a few looks, as a connection comes and goes."""
        counts = []
        for _ in range(5):
            counts.append(len(os.listdir(f"/proc/{self.process.pid}/fd")))
            time.sleep(0.2)
        return min(counts)

    def memory(self):
        """Bytes of hvisd in memory, without those of files."""
        with open(f"/proc/{self.process.pid}/status", encoding="utf-8") as file:
            return int(re.search(r"^RssAnon:\s+(\d+) kB$", file.read(), re.MULTILINE).group(1)) * 1024

    def measured(self, metric, name):
        """What /metrics has of a VM under this name: one value for each line."""
        lines = rf'^{metric}\{{[^}}]*vm="{name}"[^}}]*\}} (\S+)$'
        return [float(value) for value in re.findall(lines, self.get("/metrics").text, re.MULTILINE)]

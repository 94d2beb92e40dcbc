"""hvisd with real guests, and `hvis` as an administrator types it."""

import json
import os
import pty
import subprocess
import time

from daemon import Daemon
from guest import Guest

HVIS = os.environ["HVIS"]
GUEST_DIR = os.environ["HVIS_GUEST_DIR"]
# For anything that a guest does on an emulated processor beside others.
PATIENCE = 300


class Answer:
    def __init__(self, done):
        self.status = done.returncode
        self.text = done.stdout
        self.errors = done.stderr

    def json(self):
        return json.loads(self.text)

    def error(self):
        return json.loads(self.errors)["error"]


class Host(Daemon):
    """hvisd in a directory of its own, whose VMs are real guests."""

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
        return Answer(subprocess.run([HVIS, "--json", *words], env=self.surroundings(), capture_output=True, text=True,
                                     timeout=2 * PATIENCE, check=False))

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

    def ends_with(self, begun, status):
        """What a command that was begun has printed at its end, which must have this status."""
        output, errors = begun.communicate(timeout=2 * PATIENCE)
        if begun.returncode != status:
            raise AssertionError(f"{begun.args}: status {begun.returncode}, not {status}\n{output}{errors}")
        return output

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

    def await_event(self, name, event, since):
        found = []

        def look():
            found[:] = [e for e in self.events(name, "--since", str(since)) if e["name"] == event]
            return found

        self.await_that(f"event {event} of {name}", look)
        return found[0]

    def mark(self):
        """The number after the newest event."""
        events = self.hvis("events", "--limit", "1").json()["events"]
        return events[-1]["sequence"] + 1 if events else 1

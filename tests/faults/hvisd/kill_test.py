"""SIGKILL of hvisd and of workers at random moments, with the programs as they are installed and loopback VMs, held against
a model: which worker must still be the same process, and which events there must be.

HVIS_KILL_VMS and HVIS_KILL_ROUNDS say how much, HVIS_KILL_SEED repeats a run's choices."""

import collections
import os
import random
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "..", "api"))
from daemon import Daemon  # noqa: E402
from worker import Worker, await_worker  # noqa: E402

VMS = int(os.environ.get("HVIS_KILL_VMS", "50"))
ROUNDS = int(os.environ.get("HVIS_KILL_ROUNDS", "200"))
SEED = int(os.environ.get("HVIS_KILL_SEED", str(time.time_ns() % 1_000_000)))
RESTART = {"attempts": 1000, "first_delay_ms": 10, "longest_delay_ms": 10}


class KillTest(unittest.TestCase):
    def setUp(self):
        self.random = random.Random(SEED)
        self.daemon = Daemon().__enter__()
        self.addCleanup(self.end)
        self.sockets, self.workers = {}, {}
        # What each killed worker had recorded when it was last asked: the store has at least the
        # beginning of it, and may have more.
        self.dead = collections.defaultdict(list)
        self.worker_kills = self.double_kills = 0

    def end(self):
        if self.daemon.process is None:
            self.daemon.start()
        self.daemon.__exit__()

    def define_and_start(self):
        for number in range(VMS):
            definition = {"name": f"vm{number}", "partition": "loopback", "memory": "1M", "restart": RESTART}
            made = self.daemon.request("POST", "/api/v1/vms", definition)
            self.assertEqual(made.status, 201, made.text)
            vm = made.json()["id"]
            begun = self.daemon.request("POST", f"/api/v1/vms/{vm}/start")
            self.assertEqual(begun.status, 202, begun.text)
            self.sockets[vm] = self.daemon.path("run", "vms", vm, "control.sock")
        self.workers = {vm: await_worker(path) for vm, path in self.sockets.items()}

    def some_events(self):
        for vm in self.random.sample(sorted(self.workers), min(3, VMS)):
            self.workers[vm].make_events()

    def kill_workers(self):
        for vm in self.random.sample(sorted(self.workers), self.random.randint(1, min(3, VMS))):
            worker = self.workers.pop(vm)
            self.dead[vm].append(worker.events())
            worker.die()
            self.worker_kills += 1
            yield vm, worker

    def play(self):
        """One round; hvisd runs before and after it, though it may not have got far."""
        if self.random.random() < 0.5:
            time.sleep(self.random.random() * 0.3)
        self.some_events()
        way = self.random.choice(("hvisd", "hvisd", "hvisd", "worker", "both"))
        killed = []
        if way == "worker":
            killed = list(self.kill_workers())
        else:
            self.daemon.kill()
            self.some_events()
            if way == "both":
                killed = list(self.kill_workers())
                self.double_kills += len(killed)
            self.daemon.launch()
        for vm, before in killed:
            self.workers[vm] = await_worker(self.sockets[vm], other_than=before)

    def check_that_nobody_was_disturbed(self):
        for vm, worker in self.workers.items():
            self.assertEqual(Worker(self.sockets[vm]), worker, vm)

    def stored(self):
        """Every event of the store, by VM."""
        by_vm, since = collections.defaultdict(list), 0
        while True:
            page = self.daemon.get(f"/api/v1/events?since={since}&limit=10000").json()["events"]
            for event in page:
                by_vm[event.get("vm")].append(event)
            if not page:
                return by_vm
            since = page[-1]["sequence"] + 1

    def await_all_events(self):
        """The store, once it has all that the living workers had recorded when this began."""
        recorded = {vm: len(worker.events()) for vm, worker in self.workers.items()}
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            stored = self.stored()
            if all(len(lives_of(stored[vm])[-1]) >= count for vm, count in recorded.items()):
                return stored
            time.sleep(0.2)
        self.fail("events of living workers do not arrive")

    def check_events(self):
        stored = self.await_all_events()
        failed = 0
        for vm, worker in self.workers.items():
            names = collections.Counter(event["name"] for event in stored[vm])
            self.assertEqual(names["events_not_taken"] + names["restart_given_up"], 0, vm)
            failed += names["worker_failed"]
            lives = lives_of(stored[vm])
            recorded = worker.events()  # it may have gone on meanwhile
            self.assertEqual([strip(event) for event in lives[-1]], recorded[: len(lives[-1])], f"{vm}: lost or doubled")
            # A life that ended before hvisd heard of it left nothing; each that did is there once.
            known = {life[0]["time"]: life for life in self.dead[vm]}
            self.assertLessEqual({life[0]["time"] for life in lives[:-1]}, set(known), vm)
            self.assertEqual(len({life[0]["time"] for life in lives}), len(lives), vm)
            for life in lives[:-1]:
                before = known[life[0]["time"]]
                common = min(len(life), len(before))
                self.assertEqual([strip(event) for event in life[:common]], before[:common], f"{vm}: lost or doubled")
        self.assertLessEqual(failed, self.worker_kills, "an end was judged twice")
        self.assertGreaterEqual(failed, self.worker_kills - self.double_kills, "an end was not judged")

    def test_no_vm_is_disturbed_and_no_event_lost_or_doubled(self):
        print(f"{VMS} VMs, {ROUNDS} rounds, seed {SEED}", flush=True)
        self.define_and_start()
        for number in range(ROUNDS):
            with self.subTest(round=number):
                self.play()
            if number % 10 == 9:
                self.check_that_nobody_was_disturbed()
        self.daemon.await_answer()
        self.check_that_nobody_was_disturbed()
        self.check_events()
        print(f"{self.worker_kills} workers killed", flush=True)


def strip(event):
    return {key: event.get(key, {}) for key in ("time", "id", "name", "fields")}


def lives_of(events):
    """What workers recorded, each life by itself: it begins with vm_started."""
    lives = []
    for event in events:
        if event["service"] == "manager":
            continue
        if event["name"] == "vm_started":
            lives.append([])
        lives[-1].append(event)
    return lives


if __name__ == "__main__":
    unittest.main()

"""More events than there should be: each is stored, or counted as lost."""

import json
import os
import signal
import tempfile
import unittest

from case import FaultCase

TRIAL_WORKER = os.environ.get("HVIS_TRIAL_WORKER", "")


class FloodTest(FaultCase):
    WORKERS, RATE, SECONDS = 4, 2500, 3
    EACH = RATE * SECONDS
    # So many of its newest events each worker keeps (control::EventLog::kCapacity): they are stored even where hvisd takes none in time.
    KEPT = 4096
    # Below this share of the rate the workers have not offered what the test is about.
    FLOOR = 0.8

    def test_ten_thousand_events_a_second_are_stored_or_counted(self):
        self.start_workers()
        self.give_sign()
        self.until_stored()
        offered, seconds = self.offered()
        stored, lost = self.account()
        print(f"{offered} events at {offered / seconds:.0f}/s: {stored} stored, {lost} counted as lost", flush=True)
        # With the sanitizers, on two processors that have four times as much to do, 19,000 of 30,000.
        self.assertGreater(stored, self.WORKERS * self.KEPT, "hvisd has taken nothing while the events came")
        self.assertGreaterEqual(offered / seconds, self.FLOOR * self.WORKERS * self.RATE, "the workers were too slow to say anything about hvisd")

    def test_what_hvisd_was_too_late_for_is_counted(self):
        self.start_workers()
        self.daemon.process.send_signal(signal.SIGSTOP)
        try:
            self.give_sign()
            self.until(lambda: all(os.path.exists(path) for path in self.reports), "the end of the flood")
        finally:
            self.daemon.process.send_signal(signal.SIGCONT)
        self.until_stored()
        stored, lost = self.account()
        self.assertGreater(lost, 0, "the flood must be longer than what workers keep")
        self.assertGreaterEqual(stored, self.WORKERS * self.KEPT, "what a worker keeps must not be lost")

    def start_workers(self):
        folder = tempfile.TemporaryDirectory(prefix="hvis-flood-")
        self.addCleanup(folder.cleanup)
        self.sign = os.path.join(folder.name, "go")
        environment = {"HVIS_TRIAL_RATE": str(self.RATE), "HVIS_TRIAL_COUNT": str(self.EACH), "HVIS_TRIAL_SIGN": self.sign}
        self.run_hvisd(worker=TRIAL_WORKER, environment=environment)
        self.names = [f"vm{number}" for number in range(self.WORKERS)]
        self.reports = []
        for name in self.names:
            vm = self.ask("POST", "/vms", {"name": name, "memory": "64M", "kernel": "/none"}, status=201)["id"]
            self.reports.append(self.daemon.path("run", "vms", vm, "control.sock.flood"))
            self.carry_out("start", name)

    def give_sign(self):
        with open(self.sign, "w"):
            pass

    def until_stored(self):
        def complete():
            self.at_once(lambda: self.ask("GET", "/vms"))
            return all(self.last_of(name) == self.EACH for name in self.names)

        self.until(complete, "the last event of each worker")

    def offered(self):
        """How many events the workers made together, and in how many seconds, by their own account."""
        floods = []
        for path in self.reports:
            with open(path) as report:
                floods.append(json.load(report))
        ended = max(flood["ended_us"] for flood in floods)
        began = min(flood["began_us"] for flood in floods)
        return sum(flood["made"] for flood in floods), (ended - began) / 1e6

    def account(self):
        """How many events were stored and how many counted as lost: together all, each once and in its place."""
        events = self.events()
        stored = lost = 0
        for name in self.names:
            expected = 1
            for event in events:
                if event.get("vm_name") != name:
                    continue
                if event["name"] == "events_not_taken":
                    self.assertEqual(int(event["fields"]["first"]), expected)
                    expected += int(event["fields"]["count"])
                    lost += int(event["fields"]["count"])
                elif event["name"] == "vm_stopped":
                    self.assertEqual(int(event["fields"]["reason"].split()[1]), expected)
                    expected += 1
                    stored += 1
            self.assertEqual(expected, self.EACH + 1)
        self.assertEqual(stored + lost, self.WORKERS * self.EACH)
        return stored, lost

    def last_of(self, vm):
        page = self.ask("GET", f"/events?vm={vm}&newest=true&limit=20")["events"]
        numbers = [int(event["fields"]["reason"].split()[1]) for event in page if event["name"] == "vm_stopped"]
        return max(numbers, default=0)


if __name__ == "__main__":
    unittest.main()

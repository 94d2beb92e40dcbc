"""A full disk under the database, and a damaged database: VMs run on, and nothing is lost in silence."""

import errno
import os
import shutil
import subprocess
import unittest

from case import FaultCase
from daemon import HVISD

DISK = 8 << 20


class FullDiskTest(FaultCase):
    def setUp(self):
        # A disk of hvisd's own, in namespaces of its own: no right of root's is needed.
        script = 'mkdir -p "$0"; mount -t tmpfs -o size=%d,mode=0700 disk "$0" && exec "$@"' % DISK
        namespace = ["unshare", "--user", "--map-root-user", "--mount"]
        if subprocess.run(namespace + ["true"], stderr=subprocess.DEVNULL).returncode != 0:
            self.skipTest("this machine grants no mount namespace, so there is no disk to fill")
        prefix = namespace + ["sh", "-c", script]
        self.run_hvisd(prefix=lambda daemon: prefix + [daemon.path("state")])
        self.filler = f"/proc/{self.daemon.process.pid}/root{self.daemon.path('state', 'filler')}"

    def fill(self):
        with open(self.filler, "ab", buffering=0) as file:
            for size in (1 << 16, 1 << 12, 1):
                try:
                    while True:
                        file.write(bytes(size))
                except OSError as error:
                    self.assertEqual(error.errno, errno.ENOSPC)

    def test_vms_run_on_and_events_wait_for_room(self):
        worker = self.start_vm()
        self.carry_out("wait", body={"for": "kvp"})
        self.ask("PUT", "/vms/web/kvp/external/before", {"value": "1"})
        self.fill()
        worker.make_events()  # the first of these may still find room in the log that is there
        refused = None
        for number in range(1000):
            answer = self.daemon.request("PUT", f"/api/v1/vms/web/kvp/external/k{number % 100}", {"value": "x" * 1000})
            if answer.status != 200:
                refused = answer.json()
                break
        self.assertIsNotNone(refused, "the disk did not get full")
        self.assertIn("room", refused["detail"] + refused["hint"])
        made = 50
        for _ in range(made):
            worker.make_events()
        self.assertEqual(self.at_once(self.state), "running")
        self.assertEqual(worker, type(worker)(worker.path))
        os.unlink(self.filler)
        self.await_events("store_recovered")
        self.assertEqual(len(self.events("store_failed")), 1)
        self.await_events("vm_paused", made + 1)
        known = [event["fields"] for event in worker.events() if event["name"] in ("vm_paused", "vm_resumed")]
        stored = [event["fields"] for event in self.events("vm_paused", "vm_resumed")]
        self.assertEqual(stored, known, "each once, in order")
        self.ask("PUT", "/vms/web/kvp/external/after", {"value": "1"})

    def test_a_vm_can_be_stopped_though_that_cannot_be_kept(self):
        worker = self.start_vm()
        self.fill()
        for _ in range(200):
            worker.make_events()
        answer = self.daemon.request("POST", "/api/v1/vms/web/power-off")
        self.assertEqual(answer.status, 202, answer.text)
        self.await_end(worker)
        os.unlink(self.filler)
        self.until(lambda: self.state() == "stopped", "the end of the VM")

    def test_a_vm_whose_worker_ends_meanwhile_is_not_forgotten(self):
        worker = self.start_vm(restart={"when": "never"})
        self.fill()
        for _ in range(200):
            worker.make_events()
        worker.die()
        self.until(lambda: self.state() == "failed", "the end of the worker")
        os.unlink(self.filler)
        self.await_events("worker_failed")
        self.assertEqual(self.state(), "failed")
        self.assertEqual(len(self.events("worker_failed")), 1)


class DamagedDatabaseTest(FaultCase):
    def setUp(self):
        self.run_hvisd()
        self.database = self.daemon.path("state", "hvis.db")

    def refused(self):
        """What hvisd says when it does not begin."""
        done = subprocess.run(self.daemon.arguments(), stderr=subprocess.PIPE, text=True, timeout=60)
        self.assertEqual(done.returncode, 1, done.stderr)
        return done.stderr

    def test_is_refused_with_the_way_back_and_the_vm_runs_on(self):
        worker = self.start_vm()
        backup = self.daemon.path("backup.db")
        copied = self.daemon.operation("POST", "/api/v1/database/backup", {"path": backup})
        self.assertEqual(copied["state"], "succeeded", copied)
        self.daemon.stop()
        with open(self.database, "r+b") as file:
            file.seek(4096)
            file.write(b"\xa5" * 3 * 4096)
        with open(self.database, "rb") as file:
            before = file.read()
        for _ in range(2):
            said = self.refused()
            self.assertIn(self.database, said)
            self.assertIn("hvisd --restore", said)
            with open(self.database, "rb") as file:
                self.assertEqual(file.read(), before, "what is damaged stays for whoever can mend it")
        self.assertEqual(worker, type(worker)(worker.path))
        restored = subprocess.run([HVISD, "--state-directory", self.daemon.path("state"), "--restore", backup],
                                  stdout=subprocess.PIPE, text=True, timeout=60, check=True)
        kept = restored.stdout.split()[-1]
        with open(kept, "rb") as file:
            self.assertEqual(file.read(), before)
        self.daemon.start()
        self.until(lambda: self.state() == "running", "the VM that ran on")
        self.assertEqual(worker, type(worker)(worker.path))

    def test_that_is_gone_with_its_log_left_is_no_new_one(self):
        self.start_vm()
        self.daemon.kill()
        self.assertGreater(os.path.getsize(self.database + "-wal"), 0)
        moved = self.database + ".moved"
        os.rename(self.database, moved)
        self.assertIn("it is gone", self.refused())
        os.rename(moved, self.database)
        self.daemon.start()
        self.until(lambda: self.state() == "running", "the VM that ran on")

    def test_that_is_gone_after_a_clean_end_is_no_new_one(self):
        worker = self.start_vm()
        self.daemon.stop()
        self.assertFalse(os.path.exists(self.database + "-wal"), "only the VMs' folders tell")
        moved = self.database + ".moved"
        os.rename(self.database, moved)
        said = self.refused()
        self.assertIn("is gone, but there are VMs", said)
        self.assertIn(os.path.dirname(worker.path), said)
        self.assertIn("hvisd --restore", said)
        self.assertFalse(os.path.exists(self.database))
        os.rename(moved, self.database)
        self.daemon.start()
        self.until(lambda: self.state() == "running", "the VM that ran on")
        self.assertEqual(worker, type(worker)(worker.path))

    def test_can_be_begun_anew_on_purpose(self):
        worker = self.start_vm()
        self.daemon.stop()
        os.unlink(self.database)
        worker.ask("power_off")
        self.await_end(worker)
        self.assertIn("there are VMs", self.refused())
        for directory in ("run", "state"):
            shutil.rmtree(self.daemon.path(directory, "vms"))
        self.daemon.start()
        self.assertEqual(self.ask("GET", "/vms")["vms"], [])


if __name__ == "__main__":
    unittest.main()

"""Which configuration is read. SIGHUP: roles are taken over, everything else is named and waits, what is wrong is left alone."""

import os
import signal
import subprocess
import tempfile
import time
import unittest

from daemon import HVISD, PATIENCE, Daemon

HOOK = '[[hook]]\nname = "mail"\ncommand = ["/bin/true"]\n'


class ReloadTest(unittest.TestCase):
    def setUp(self):
        self.daemon = Daemon().__enter__()
        self.addCleanup(self.daemon.__exit__)

    def reload(self, config, until):
        """What hvisd says about it, up to `until`."""
        before = len(self.daemon.said())
        with open(self.daemon.path("hvisd.toml"), "w", encoding="utf-8") as file:
            file.write(config)
        self.daemon.process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + PATIENCE
        while until not in self.daemon.said()[before:]:
            self.assertLess(time.monotonic(), deadline, self.daemon.said()[before:])
            time.sleep(0.05)
        return self.daemon.said()[before:]

    def test_roles_are_taken_over_and_the_rest_is_named(self):
        said = self.reload('[roles]\nusers = { 12345 = "viewer" }\n', "roles are taken over")
        self.assertNotIn("waits for a restart", said)
        said = self.reload("[events]\nkeep = 5000\n" + HOOK, "[[hook]] waits for a restart")
        self.assertIn("what has changed in [events] waits for a restart", said)
        self.assertEqual(self.daemon.get("/api/v1/vms").status, 200)

    def test_what_is_wrong_is_not_taken_over(self):
        said = self.reload("[events]\nkeeep = 5000\n", "was not taken over")
        self.assertIn("keeep", said)
        self.reload('[roles]\nusers = { nobody-of-that-name = "viewer" }\n', 'no user "nobody-of-that-name"')
        self.assertTrue(self.daemon.alive())


class UsersConfigurationTest(unittest.TestCase):
    def test_is_read_for_somebody_who_is_neither_root_nor_hvis(self):
        somebody = ["unshare", "--user", "--map-user=12345"]
        if subprocess.run(somebody + ["true"], stderr=subprocess.DEVNULL).returncode != 0:
            self.skipTest("this machine grants no user namespace, so nobody else can be had")
        with tempfile.TemporaryDirectory() as home:
            os.chmod(home, 0o755)
            os.makedirs(os.path.join(home, ".config", "hvis"))
            os.makedirs(os.path.join(home, ".local", "state"))
            path = os.path.join(home, ".config", "hvis", "hvisd.toml")
            environment = {name: text for name, text in os.environ.items() if not name.startswith("XDG_")}
            environment["HOME"] = home
            check = somebody + [HVISD, "--check-config", "--worker", "/bin/true"]
            self.assertEqual(subprocess.run(check, env=environment).returncode, 0, "there is none")
            with open(path, "w", encoding="utf-8") as file:
                file.write("[events]\nkeeep = 1\n")
            done = subprocess.run(check, env=environment, stderr=subprocess.PIPE, text=True)
            self.assertEqual(done.returncode, 2)
            self.assertIn(path, done.stderr)


if __name__ == "__main__":
    unittest.main()

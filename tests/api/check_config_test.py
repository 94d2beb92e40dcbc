"""hvisd --check-config: all that is wrong in one run, each with its next step; nothing is started or made."""

import os
import subprocess
import tempfile
import unittest

from daemon import HVISD, WORKER


class CheckConfigTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.path = os.path.join(self.folder, "hvisd.toml")
        self.directories = f'[directories]\nstate = "{self.folder}/state"\nruntime = "{self.folder}/run"\n'

    def check(self, text, worker=WORKER):
        """Exit status, and what was said of it: (finding, next step)."""
        with open(self.path, "w", encoding="utf-8") as file:
            file.write(self.directories + text)
        done = subprocess.run([HVISD, "--config", self.path, "--check-config", "--worker", worker], stderr=subprocess.PIPE, text=True)
        lines = [line.removeprefix("hvisd: ") for line in done.stderr.splitlines()]
        self.assertEqual(os.listdir(self.folder).count("state"), 0, "nothing is made")
        return done.returncode, list(zip(lines[::2], lines[1::2], strict=True))

    def listen(self, certificate, key):
        return f'[listen]\naddress = "[::]:8443"\ncertificate = "{certificate}"\nkey = "{key}"\n'

    def test_what_works_is_let_pass_in_silence(self):
        certificate, key = (os.path.join(self.folder, name) for name in ("tls.crt", "tls.key"))
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-subj", "/CN=hvisd",
                        "-keyout", key, "-out", certificate], check=True, capture_output=True)
        hook = '[[hook]]\nname = "mail"\ncommand = ["/bin/true"]\n'
        self.assertEqual(self.check(self.listen(certificate, key) + hook), (0, []))

    def test_all_that_is_wrong_is_said_at_once(self):
        status, said = self.check(
            '[events]\nkeep = 5\nkeeep = 5\n[socket]\ngroup = "no-such-group"\n[roles]\nusers = { no-such-eve = "viewer" }\n'
            + self.listen("/no/such.crt", "/no/such.key") + '[[hook]]\nname = "mail"\ncommand = ["/no/such/program"]\n', "/no/such/worker")
        self.assertEqual(status, 2)
        wanted = (f"{self.path}:5:8: events.keep: expected", f"{self.path}:6:9: events.keeep: unknown key",
                  f"{self.path}: workers.program: /no/such/worker cannot be run", "socket.group: this host has no group",
                  "roles.users: this host has no user", "listen.certificate: /no/such.crt cannot be read",
                  "listen.key: /no/such.key cannot be read", "hook.command of mail: /no/such/program cannot be run")
        self.assertEqual(len(said), len(wanted), said)
        for (finding, step), words in zip(said, wanted):
            self.assertIn(words, finding)
            self.assertTrue(step)


if __name__ == "__main__":
    unittest.main()

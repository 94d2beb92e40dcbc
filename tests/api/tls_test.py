"""The API over TCP: TLS, a bearer token for each role, through hvis and through a plain client."""

import http.client
import os
import signal
import socket
import ssl
import subprocess
import tempfile
import time
import unittest

from contract import ROLES, SOME_NAMES, the_contract
from daemon import PATIENCE, Daemon, Response

HVIS = os.environ.get("HVIS", "hvis")


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


class TlsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.certificate = os.path.join(folder.name, "tls.crt")
        cls.key = key = os.path.join(folder.name, "tls.key")
        cls.make_certificate()
        cls.port = free_port()
        cls.daemon = Daemon(f'[listen]\naddress = "127.0.0.1:{cls.port}"\ncertificate = "{cls.certificate}"\nkey = "{key}"\n')
        cls.daemon.__enter__()
        cls.addClassCleanup(cls.daemon.__exit__)
        cls.daemon.request("POST", "/api/v1/vms", {"name": "web", "partition": "loopback", "memory": "64M"})
        cls.token_files = {}
        for role in ROLES:
            cls.token_files[role] = os.path.join(folder.name, role)
            with open(cls.token_files[role], "w", encoding="utf-8") as file:
                file.write(cls.daemon.token(role) + "\n")

    @classmethod
    def make_certificate(cls):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-days", "1",
                        "-subj", "/CN=hvisd", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", cls.key, "-out", cls.certificate],
                       check=True, capture_output=True)

    def shown(self):
        """The certificate that a new connection is shown, as PEM."""
        return ssl.get_server_certificate(("127.0.0.1", self.port))

    def wait_until_said(self, words, before):
        deadline = time.monotonic() + PATIENCE
        while words not in self.daemon.said()[before:]:
            self.assertLess(time.monotonic(), deadline, self.daemon.said()[before:])
            time.sleep(0.05)

    def connection(self, context=None):
        trusting = context or ssl.create_default_context(cafile=self.certificate)
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=PATIENCE, context=trusting)

    def test_no_route_tells_anything_without_a_token(self):
        connection = self.connection()
        self.addCleanup(connection.close)
        for operation in the_contract().operations:
            for method in (operation.method, "HEAD", "OPTIONS"):
                with self.subTest(operation=repr(operation), method=method):
                    connection.request(method, operation.target(**SOME_NAMES))
                    answer = Response(connection.getresponse())
                    self.assertEqual(answer.status, 401, answer.text)
                    self.assertIn("Bearer", answer.headers["WWW-Authenticate"])
                    self.assertNotIn("Allow", answer.headers)
                    if method == operation.method:
                        operation.check(answer)

    def get(self, target, headers):
        connection = self.connection()
        try:
            connection.request("GET", target, headers=headers)
            return Response(connection.getresponse())
        finally:
            connection.close()

    def hvis(self, *words, role=None, ca_file=True):
        options = ["--url", f"https://127.0.0.1:{self.port}"]
        options += ["--ca-file", self.certificate] if ca_file else []
        options += ["--token-file", self.token_files[role]] if role else []
        environment = {name: text for name, text in os.environ.items() if not name.startswith("HVIS_")}
        return subprocess.run([HVIS, *words, *options], env=environment, capture_output=True, text=True, timeout=PATIENCE)

    def done(self, *words, role):
        ran = self.hvis(*words, role=role)
        self.assertEqual(ran.returncode, 0, ran.stderr)
        return ran.stdout

    def refused(self, *words, role, needs):
        ran = self.hvis(*words, role=role)
        self.assertEqual((ran.returncode, ran.stdout), (1, ""))
        self.assertIn(f"token {role} is {'a' if role == 'viewer' else 'an'} {role}; this needs a role of {needs}", ran.stderr)

    def test_a_viewer_looks(self):
        self.assertIn("web", self.done("list", role="viewer"))
        self.refused("start", "web", role="viewer", needs="operator")
        self.refused("vm", "delete", "web", "--yes", role="viewer", needs="administrator")

    def test_an_operator_steers_what_there_is(self):
        self.done("start", "web", role="operator")
        self.assertIn("running", self.done("status", "web", role="operator"))
        self.done("vm", "stop", "web", "--power-off", role="operator")
        self.refused("vm", "create", "more", "--partition", "loopback", role="operator", needs="administrator")
        self.refused("token", "list", role="operator", needs="administrator")

    def test_an_administrator_defines_and_deletes(self):
        self.done("vm", "create", "more", "--partition", "loopback", "--memory", "64M", role="administrator")
        self.done("vm", "delete", "more", "--yes", role="administrator")
        self.assertIn("operator", self.done("token", "list", role="administrator"))

    def test_nobody_gets_in_without_a_token_that_is_valid(self):
        for headers in ({}, {"Authorization": "Bearer hvis_" + "0" * 64}, {"Authorization": "Basic YTpi"}):
            with self.subTest(headers=headers):
                answer = self.get("/api/v1/vms", headers)
                self.assertEqual(answer.status, 401)
                self.assertIn("Bearer", answer.headers["WWW-Authenticate"])
        without = self.hvis("list")
        self.assertEqual(without.returncode, 1)
        self.assertIn("--token-file", without.stderr)
        self.assertEqual(self.get("/api/v1/vms", {"Authorization": "Bearer " + self.daemon.token("viewer")}).status, 200)

    def test_a_certificate_that_nobody_vouches_for_is_not_taken(self):
        with self.assertRaises(ssl.SSLCertVerificationError):
            self.connection(ssl.create_default_context()).request("GET", "/api/v1/version")
        ran = self.hvis("list", role="viewer", ca_file=False)
        self.assertEqual(ran.returncode, 1)
        self.assertIn("--ca-file", ran.stderr)

    def test_a_renewed_certificate_is_taken_without_a_restart(self):
        old = self.shown()
        follower = self.connection()
        follower.request("GET", "/api/v1/events", headers={"Authorization": "Bearer " + self.daemon.token("viewer"),
                                                           "Accept": "text/event-stream"})
        stream = follower.getresponse()
        self.make_certificate()
        self.daemon.process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + PATIENCE
        while self.shown() == old:
            self.assertLess(time.monotonic(), deadline, self.daemon.said())
            time.sleep(0.05)
        self.assertIn("web", self.done("list", role="viewer"), "the new one is vouched for by the new file")
        renewed = self.shown()
        said = len(self.daemon.said())
        with open(self.certificate, "w", encoding="utf-8") as file:
            file.write("none\n")
        self.addCleanup(self.daemon.process.send_signal, signal.SIGHUP)
        self.addCleanup(self.make_certificate)
        self.daemon.process.send_signal(signal.SIGHUP)
        self.wait_until_said("the certificate stays the one that was read before", said)
        self.assertEqual(self.shown(), renewed)
        self.daemon.request("POST", "/api/v1/vms/web/heartbeat/test")
        self.assertTrue(stream.readline(), "who was connected stays")
        follower.close()

    def test_the_port_speaks_tls_alone(self):
        with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE) as plain:
            plain.sendall(b"GET /api/v1/version HTTP/1.1\r\nHost: x\r\n\r\n")
            answer = b""
            try:
                while piece := plain.recv(4096):
                    answer += piece
            except ConnectionResetError:
                pass
        self.assertNotIn(b"HTTP/1.1", answer)
        old = ssl.create_default_context(cafile=self.certificate)
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
        with self.assertRaises(OSError):
            self.connection(old).request("GET", "/api/v1/version")


if __name__ == "__main__":
    unittest.main()

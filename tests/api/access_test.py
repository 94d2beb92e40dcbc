"""Every route with every role, as somebody without one, and with a wrong token."""

import contextlib
import os
import time
import unittest

from contract import ROLES, SOME_NAMES, the_contract
from daemon import Daemon

# stop-all and a backup would do it: their right to is what the other tests show.
NAMES = {**SOME_NAMES, "vm": "no-such-vm"}
STRANGER = 12345


@contextlib.contextmanager
def another_user():
    """Who connects meanwhile is somebody of whom the configuration says nothing."""
    groups = os.getgroups()
    os.setgroups([])
    os.setegid(STRANGER)
    os.seteuid(STRANGER)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)


class AccessTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.contract = the_contract()
        # Whoever likes may connect: what is tested is what they may do then.
        cls.daemon = Daemon("[socket]\nmode = 0o666\n", contract=cls.contract).__enter__()
        os.chmod(cls.daemon.directory, 0o711)
        cls.addClassCleanup(cls.daemon.__exit__)

    def send(self, operation, token):
        body = {} if operation.body_schema() else None
        return self.daemon.request(operation.method, operation.target(**NAMES), body, token=token)

    def test_each_role_may_do_what_the_contract_says_and_nothing_more(self):
        for operation in self.contract.operations:
            for role in ROLES:
                with self.subTest(operation=repr(operation), role=role):
                    may = ROLES.index(role) >= ROLES.index(operation.role)
                    response = self.send(operation, self.daemon.token(role))
                    if may:
                        self.assertNotIn(response.status, (401, 403), response.text)
                    else:
                        self.assertEqual(response.status, 403, response.text)
                        self.assertIn(operation.role, response.json()["detail"])

    @unittest.skipUnless(os.geteuid() == 0, "only root can be another user: the kernel tells who connects")
    def test_a_user_without_a_role_gets_nowhere(self):
        for operation in self.contract.operations:
            for method in (operation.method, "HEAD", "OPTIONS"):
                with self.subTest(operation=repr(operation), method=method):
                    with another_user():
                        response = self.daemon.request(method, operation.target(**NAMES))
                    self.assertEqual(response.status, 403, response.text)
                    if method != "HEAD":
                        self.assertIn(f"uid {STRANGER} has no role", response.json()["detail"])
        with another_user():
            self.assertEqual(self.daemon.get("/nothing").status, 403, "not even which paths there are")

    def test_wrong_tokens_get_nowhere(self):
        for operation in self.contract.operations:
            for token in ("", "wrong", "hvis_" + "0" * 64):
                with self.subTest(operation=repr(operation), token=token):
                    response = self.send(operation, token)
                    self.assertEqual(response.status, 401)
                    self.assertIn("Bearer", response.headers["WWW-Authenticate"])
        self.assertEqual(self.daemon.get("/nothing", token="wrong").status, 401)

    def test_a_deleted_token_is_worth_nothing_at_once(self):
        made = self.daemon.request("POST", "/api/v1/tokens", {"name": "short", "role": "viewer"}).json()
        self.assertEqual(self.daemon.get("/api/v1/vms", token=made["token"]).status, 200)
        listed = self.daemon.get("/api/v1/tokens").json()["tokens"]
        self.assertIn(made["id"], [token["id"] for token in listed])
        self.assertNotIn(made["token"], str(listed))
        self.assertEqual(self.daemon.request("DELETE", f"/api/v1/tokens/{made['id']}").status, 200)
        self.assertEqual(self.daemon.get("/api/v1/vms", token=made["token"]).status, 401)
        self.assertEqual(self.daemon.request("DELETE", f"/api/v1/tokens/{made['id']}").status, 404)
        told, deadline = [], time.monotonic() + 20
        while len(told) < 2 and time.monotonic() < deadline:  # Events are stored some at a time.
            time.sleep(0.05)
            events = self.daemon.get("/api/v1/events?id=7305%2C7306&newest=true").json()["events"]
            told = [event for event in events if event["fields"]["id"] == made["id"]]
        self.assertEqual(sorted(event["name"] for event in told), ["token_created", "token_deleted"])
        for event in told:
            self.assertEqual((event["fields"]["name"], event["fields"]["role"]), ("short", "viewer"))
            self.assertTrue(event["fields"]["by"])
        self.assertNotIn(made["token"], str(told))

    def test_streams_end_with_the_token_that_they_were_asked_for_with(self):
        self.daemon.request("POST", "/api/v1/vms", {"name": "web", "partition": "loopback", "memory": "64M"})
        self.addCleanup(self.daemon.request, "DELETE", "/api/v1/vms/web")
        made = self.daemon.request("POST", "/api/v1/tokens", {"name": "listener", "role": "viewer"}).json()
        headers = {"Authorization": f"Bearer {made['token']}"}
        kept = self.daemon.follow("/api/v1/events?since=0")
        events = self.daemon.follow("/api/v1/events?since=0", headers)
        watch = self.daemon.follow("/api/v1/vms/web/kvp/external/watch", headers)
        for stream in (kept, events, watch):
            next(stream)
        self.assertEqual(self.daemon.request("DELETE", f"/api/v1/tokens/{made['id']}").status, 200)
        self.daemon.request("PATCH", "/api/v1/vms/web", {"description": "not for everybody"})
        self.daemon.request("PUT", "/api/v1/vms/web/kvp/external/secret", {"value": "x"})
        self.assertNotIn("vm_changed", [data["name"] for _, _, data in events], "the rest, up to the stream's end")
        self.assertEqual(list(watch), [])
        self.assertEqual(next(data["name"] for _, _, data in kept if data["name"] == "vm_changed"), "vm_changed")

    def test_parameters_that_a_path_does_not_take(self):
        self.daemon.request("POST", "/api/v1/vms", {"name": "web", "partition": "loopback", "memory": "64M"})
        self.addCleanup(self.daemon.request, "DELETE", "/api/v1/vms/web")
        for operation in self.contract.operations:
            with self.subTest(operation=repr(operation)):
                body = {} if operation.body_schema() else None
                target = operation.target(**{**NAMES, "vm": "web"}) + "?nonsense=1"
                response = self.daemon.request(operation.method, target, body)
                if operation.path == "/metrics":
                    self.assertEqual(response.status, 200, "scrapers have their own")
                    continue
                self.assertEqual((response.status, response.json()["parameter"]), (400, "nonsense"), response.text)
        wrong = self.daemon.get("/api/v1/events?limit=none").json()
        self.assertEqual((wrong["parameter"], wrong["detail"]), ("limit", "parameter limit: expected integer 1..10000"))
        typed = self.daemon.request("POST", "/api/v1/vms", "{}", {"Content-Type": "text/plain"})
        self.assertEqual(typed.status, 415)
        self.assertIn("application/json", typed.json()["hint"])

    def test_methods_that_a_path_does_not_take(self):
        paths = {}
        for operation in self.contract.operations:
            paths.setdefault(operation.target(**NAMES), set()).add(operation.method)
        for target, methods in paths.items():
            with self.subTest(target=target):
                options = self.daemon.request("OPTIONS", target)
                self.assertEqual(options.status, 204)
                allowed = set(options.headers["Allow"].split(", "))
                self.assertLessEqual(methods, allowed)
                wrong = ({"GET", "POST", "PUT", "PATCH", "DELETE"} - allowed).pop()
                response = self.daemon.request(wrong, target)
                self.assertEqual(response.status, 405)
                self.assertEqual(set(response.headers["Allow"].split(", ")), allowed)
        self.assertEqual(self.daemon.get("/nothing").status, 404)


if __name__ == "__main__":
    unittest.main()

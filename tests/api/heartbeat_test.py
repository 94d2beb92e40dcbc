"""A heartbeat that is really lost, the whole way: store, webhook, program, what is done about it, and the way back."""

import base64
import hashlib
import hmac
import http.server
import json
import os
import signal
import threading
import time
import unittest

from contract import the_contract
from daemon import PATIENCE, Daemon

VM = "/api/v1/vms/web"
KEY = b"thirty-two bytes that are secret"
EVENTS = ["heartbeat_lost", "heartbeat_regained", "loss_action_taken", "loss_attempts_exhausted", "application_critical",
          "application_healthy"]


class Receiver(http.server.ThreadingHTTPServer):
    """Refuses the first try, as one that is just being restarted; keeps what it then takes."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.lock = threading.Lock()
        self.tries = 0
        self.taken = []
        self.forged = []
        self.thread = threading.Thread(target=self.serve_forever)
        self.thread.start()

    def close(self):
        self.shutdown()
        self.thread.join()
        self.server_close()

    def names(self):
        with self.lock:
            return [event["name"] for event in self.taken]


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        signed = b".".join((self.headers["webhook-id"].encode(), self.headers["webhook-timestamp"].encode(), body))
        signature = "v1," + base64.b64encode(hmac.new(KEY, signed, hashlib.sha256).digest()).decode()
        with self.server.lock:
            self.server.tries += 1
            first = self.server.tries == 1
            if signature != self.headers["webhook-signature"]:
                self.server.forged.append(body)
            elif not first:
                self.server.taken.append(json.loads(body)["data"])
        self.send_response(503 if first else 204)
        self.end_headers()

    def log_message(self, *_):
        pass


def parent_of(process):
    try:
        with open(f"/proc/{process}/stat", encoding="utf-8", errors="replace") as file:
            return int(file.read().rpartition(")")[2].split()[1])
    except (OSError, IndexError):
        return None


def program_of(process):
    try:
        return os.path.basename(os.readlink(f"/proc/{process}/exe"))
    except OSError:
        return None


def guest_of(worker):
    """The process that is a loopback worker's guest."""
    processes = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    found = [each for each in processes if parent_of(each) == worker and program_of(each) == "hvis-loopback-guest"]
    assert len(found) == 1, found
    return found[0]


class HeartbeatTest(unittest.TestCase):
    def setUp(self):
        self.receiver = Receiver()
        self.addCleanup(self.receiver.close)
        secret = "whsec_" + base64.b64encode(KEY).decode()
        self.daemon = Daemon(contract=the_contract())
        self.printed = self.daemon.path("printed")
        events = json.dumps(EVENTS)
        with open(self.daemon.path("hvisd.toml"), "w", encoding="utf-8") as file:
            file.write(f'[[webhook]]\nname = "pager"\nurl = "http://127.0.0.1:{self.receiver.server_port}/"\n')
            file.write(f'secret = "{secret}"\nseverity = "info"\nevents = {events}\n')
            file.write(f'[[hook]]\nname = "mail"\nseverity = "info"\nevents = {events}\n')
            script = f'echo "$HVIS_EVENT $HVIS_VM $HVIS_SEQUENCE" >> {self.printed}; cat >> {self.printed}.json'
            file.write(f"command = {json.dumps(['/bin/sh', '-c', script])}\n")
        self.daemon.__enter__()
        self.addCleanup(self.daemon.__exit__)

    def begin(self, **heartbeat):
        """Runs a VM that is lost after three silent seconds, and takes hold of its guest."""
        policy = {"interval_ms": 1000, "latency_ms": 900, "misses": 3, "window": 3, "grace_ms": 0, **heartbeat}
        definition = {"name": "web", "partition": "loopback", "memory": "64M", "heartbeat": policy}
        self.assertEqual(self.daemon.request("POST", "/api/v1/vms", definition).status, 201)
        self.assertEqual(self.daemon.operation("POST", f"{VM}/start")["state"], "succeeded")
        self.answers()
        started = []
        self.until(lambda: started or started.extend(e for e in self.events() if e["name"] == "worker_started"))
        self.guest = guest_of(int(started[0]["fields"]["pid"]))
        self.addCleanup(self.wake)

    def wake(self):
        try:
            os.kill(self.guest, signal.SIGCONT)
        except ProcessLookupError:
            pass  # It ended with its worker.

    def fall_silent(self):
        os.kill(self.guest, signal.SIGSTOP)

    def answers(self):
        waited = self.daemon.operation("POST", f"{VM}/wait", {"for": "heartbeat", "timeout_ms": PATIENCE * 1000})
        self.assertEqual(waited["state"], "succeeded", waited)

    def events(self):
        return self.daemon.get("/api/v1/events?vm=web").json()["events"]

    def told(self):
        return [event for event in self.events() if event["name"] in EVENTS]

    def until(self, condition):
        deadline = time.monotonic() + PATIENCE
        while not condition():
            self.assertLess(time.monotonic(), deadline, [event["text"] for event in self.events()])
            time.sleep(0.05)

    def until_told(self, names):
        """Waits until these, and no others, are what the hooks were to be told."""
        self.until(lambda: [event["name"] for event in self.told()] == names)

    def programs_were_run_for(self):
        try:
            with open(self.printed, encoding="utf-8") as file:
                return file.read().splitlines()
        except OSError:
            return []

    def everybody_was_told(self):
        """The webhook and the program have had every event, in order, and as the store has it."""
        told = self.told()
        self.until(lambda: len(self.receiver.names()) >= len(told) and len(self.programs_were_run_for()) >= len(told))
        self.assertEqual(self.receiver.forged, [])
        self.assertEqual(self.receiver.taken, told)
        self.assertEqual(self.programs_were_run_for(), [f"{event['name']} web {event['sequence']}" for event in told])
        with open(self.printed + ".json", encoding="utf-8") as file:
            self.assertEqual([json.loads(line) for line in file], told)

    def prove(self):
        """What POST heartbeat/test answers: the event, and the deliveries by hook."""
        answer = self.daemon.request("POST", f"{VM}/heartbeat/test")
        self.assertEqual(answer.status, 200, answer.text)
        said = answer.json()
        return said["event"], {each["hook"]: each for each in said["deliveries"]}

    def test_the_way_of_an_alert_is_proved_from_end_to_end(self):
        self.daemon.request("POST", "/api/v1/vms", {"name": "web", "partition": "loopback", "memory": "64M"})
        first, deliveries = self.prove()
        self.assertEqual((deliveries["pager"]["state"], deliveries["mail"]["state"]), ("waiting", "taken"), deliveries)
        self.assertIn("503", deliveries["pager"]["problem"], "the receiver refuses the first try")
        second, deliveries = self.prove()
        for hook in ("pager", "mail"):
            shown = deliveries[hook]
            self.assertEqual((shown["state"], shown["attempts"], shown["problem"]), ("taken", 1, ""), shown)
        self.assertEqual(self.receiver.taken, [first, second])
        self.assertEqual(self.receiver.forged, [])
        self.assertEqual(self.programs_were_run_for(), [f"alert_test web {event['sequence']}" for event in (first, second)])
        self.assertEqual((second["name"], second["severity"], second["vm_name"]), ("alert_test", "critical", "web"))

    def state(self):
        return self.daemon.get(VM).json()["state"]

    def test_a_guest_that_falls_silent_is_told_of_and_so_is_its_return(self):
        self.begin(on_loss="none")
        self.fall_silent()
        self.until_told(["heartbeat_lost"])
        lost = self.told()[-1]
        self.assertEqual((lost["severity"], lost["fields"]), ("error", {"missed": "3", "window": "3"}))
        self.assertEqual(self.state(), "running")
        shown = {each["service"]: each for each in self.daemon.get(f"{VM}/services").json()["services"]}["heartbeat"]
        self.assertEqual(shown["primary"], "lost_communication", shown)
        self.wake()
        self.until_told(["heartbeat_lost", "heartbeat_regained"])
        self.answers()
        self.assertGreaterEqual(self.receiver.tries, 1)
        self.everybody_was_told()
        self.assertGreater(self.receiver.tries, len(self.told()), "the first try was refused, and made again")

    def heartbeat(self):
        services = self.daemon.get(f"{VM}/services").json()["services"]
        return next(each for each in services if each["service"] == "heartbeat")

    def test_an_application_that_fails_in_a_guest_that_answers_is_told_of(self):
        self.begin()
        pair = f"{VM}/kvp/external/LoopbackApplications"
        self.assertEqual(self.daemon.request("PUT", pair, {"value": "healthy"}).status, 200)
        self.until(lambda: self.heartbeat()["applications"] == "healthy")
        self.daemon.request("PUT", pair, {"value": "critical"})
        self.until_told(["application_critical"])
        shown = self.heartbeat()
        self.assertEqual((shown["primary"], shown["secondary"], shown["applications"]),
                         ("ok", "application_critical", "critical"), shown)
        # What a guest no longer says is not what it says: no end of it is told.
        service = f"{VM}/services/heartbeat"
        for enabled in (False, True):
            self.assertEqual(self.daemon.request("PATCH", service, {"enabled": enabled}).status, 200)
        self.until_told(["application_critical", "application_critical"])
        self.daemon.request("PUT", pair, {"value": "healthy"})
        self.until_told(["application_critical", "application_critical", "application_healthy"])
        self.until(lambda: self.heartbeat()["primary"] == "ok")
        self.everybody_was_told()

    def test_it_is_reset_as_often_as_the_policy_says_and_then_left_alone(self):
        self.begin(on_loss="reset", attempts=2)
        expected = []
        for attempt in ("1", "2"):
            self.fall_silent()
            expected += ["heartbeat_lost", "loss_action_taken"]
            self.until_told(expected)
            action = self.told()[-1]
            self.assertEqual(action["fields"], {"action": "reset", "attempt": attempt, "attempts": "2"})
            self.wake()
            self.answers()
        self.fall_silent()
        expected += ["heartbeat_lost", "loss_attempts_exhausted"]
        self.until_told(expected)
        self.assertEqual(self.told()[-1]["severity"], "critical")
        self.assertEqual(self.state(), "running")
        self.wake()
        self.until_told(expected + ["heartbeat_regained"])
        self.everybody_was_told()

    def test_its_power_is_cut_where_the_policy_says_so(self):
        self.begin(on_loss="power_off", attempts=1)
        self.fall_silent()
        self.until(lambda: self.state() == "stopped")
        self.until_told(["heartbeat_lost", "loss_action_taken"])
        self.assertEqual(self.told()[-1]["fields"]["action"], "power_off")
        self.everybody_was_told()


if __name__ == "__main__":
    unittest.main()

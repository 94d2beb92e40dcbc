"""The services' status, and what a tick on and off does to the guest."""

from two_guests import (ADAPTER, DAEMON_DEVICE, DEVICES, FREE_DAEMON, GO_DEAF, HANG_DAEMON, HEAR_AGAIN, HIDE_ADAPTER, SHOW_ADAPTER,
                        START_DAEMON, STOP_DAEMON, TAKEN_SETTINGS, TwoGuests, path_of)


class ServiceCases(TwoGuests):
    def test_heartbeat_follows_its_service(self):
        """29, 30, 145, 146"""
        service = self.host.services("web")["heartbeat"]
        self.assertEqual((service["primary"], service["applications"]), ("ok", "unknown"))
        self.host.hvis("service", "disable", "web", "heartbeat")
        self.assertEqual(self.host.services("web")["heartbeat"]["primary"], "disabled")
        self.host.hvis("service", "enable", "web", "heartbeat")
        self.host.await_service("web", "heartbeat", "ok")

    def test_no_contact_without_the_driver(self):
        """31, 42, 65, 149: 65 without its three minutes"""
        self.web.output(STOP_DAEMON)
        try:
            self.web.output("rmmod hv_utils")
            for service in ("heartbeat", "shutdown", "kvp"):
                self.host.await_service("web", service, "no_contact")
            refused = self.host.hvis("stop", "web", status=5)
            self.assertEqual(refused.error()["outcome"], "guest_not_connected")
            self.web.output("modprobe hv_utils")
            for service in ("heartbeat", "shutdown"):
                self.host.await_service("web", service, "ok")
            # The driver waits for its daemon before it answers, however long that takes.
            self.assertEqual(self.host.services("web")["kvp"]["primary"], "no_contact")
            self.assertEqual(self.host.hvis("kvp", "list", "web", status=5).error()["outcome"], "guest_not_connected")
        finally:
            self.web.output(f"modprobe hv_utils; {START_DAEMON}")
        self.host.await_services("web")
        self.assertIn("OSName", self.pairs("auto"))
        self.assertEqual(self.host.hvis("vm", "show", "web").json()["state"], "running", "no shutdown was kept for later")
        self.assertEqual(self.web.output("dmesg | grep -c 'Shutdown request received'; true"), "0")

    def test_deaf_guest_is_lost_and_regained(self):
        """31: the guest lives, but neither hears nor answers; the limit that is set for it is told."""
        policy = self.host.hvis("heartbeat", "show", "web").json()["policy"]
        mark = self.host.mark()
        self.web.output(GO_DEAF)
        try:
            lost = self.host.await_event("web", "heartbeat_lost", mark)
            self.assertEqual(lost["severity"], "error")
            self.assertGreaterEqual(int(lost["fields"]["missed"]), policy["misses"])
            self.assertLessEqual(int(lost["fields"]["window"]), policy["window"])
            self.assertIn("{missed} of the last {window} beats were missed".format(**lost["fields"]), lost["text"])
            status = self.host.status("web")
            heartbeat = next(s for s in status["services"] if s["service"] == "heartbeat")
            self.assertEqual((status["state"], heartbeat["primary"]), ("running", "lost_communication"))
            self.assertIn(f"missed {policy['misses']} of its last {policy['window']} heartbeats", heartbeat["explanation"])
        finally:
            self.web.output(HEAR_AGAIN)
        self.host.await_event("web", "heartbeat_regained", mark)
        self.host.await_services("web")

    def test_the_guest_is_interrupted_once_for_each_beat(self):
        """33: over ten beats, however long these take."""
        interrupts = f"cat {path_of('heartbeat')}/channels/*/interrupts"
        before, beats_before = int(self.web.output(interrupts)), self.host.hvis("heartbeat", "show", "web").json()
        self.host.await_that("ten beats are answered", lambda: self.host.hvis(
            "heartbeat", "show", "web").json()["answered"] >= beats_before["answered"] + 10)
        interrupted = int(self.web.output(interrupts)) - before
        sent = self.host.hvis("heartbeat", "show", "web").json()["sent"] - beats_before["sent"]
        self.assertLessEqual(interrupted, sent + 1)
        self.assertGreaterEqual(interrupted, 5, "some beats may be joined, not most")

    def test_pause_is_not_held_against_the_guest(self):
        """31"""
        mark = self.host.mark()
        self.host.hvis("vm", "pause", "web")
        self.assertEqual(self.host.hvis("vm", "show", "web").json()["state"], "paused")
        self.host.await_service("web", "heartbeat", "paused")
        self.host.hvis("vm", "resume", "web")
        self.host.await_service("web", "heartbeat", "ok")
        self.assertNotIn("heartbeat_lost", [e["name"] for e in self.host.events("web", "--since", str(mark))])

    def test_services_go_and_come_at_once(self):
        """145-147: the device goes, and comes back with its driver, for each service; the guest finds no fault with it."""
        complaints = self.complaints()
        for service, device in DEVICES.items():
            files = path_of(service) + (f" {DAEMON_DEVICE}" if service == "kvp" else "")
            before = self.negotiations(service)
            self.assertTrue(self.web.succeeds(f"ls {files}"), service)
            self.host.hvis("service", "disable", "web", service)
            status = {s["service"]: s for s in self.host.status("web")["services"]}
            self.assertEqual({s for s, v in status.items() if v["primary"] == "disabled"}, {service})
            self.assertFalse(status[service]["enabled"])
            self.host.await_that(f"{device} leaves the guest, with all that is its own",
                                 lambda f=files: self.web.output(f"ls -d {f} 2>/dev/null; true") == "")
            self.host.hvis("service", "enable", "web", service)
            self.host.await_service("web", service, "ok")
            self.host.await_that(f"the driver has {device} again", lambda s=service: self.web.succeeds(
                f"grep -qx 3 {path_of(s)}/state"))
            self.assertEqual(self.negotiations(service), before + 1, service)
            self.assertEqual(self.complaints(), complaints, service)

    def test_kvp_comes_and_goes_again_and_again(self):
        """63, 147: five times; Each/ServiceCycles does it twenty times."""
        before = self.negotiations("kvp")
        for _ in range(5):
            self.host.hvis("service", "disable", "web", "kvp")
            self.host.hvis("service", "enable", "web", "kvp")
            self.host.await_service("web", "kvp", "ok")
        self.assertEqual(self.negotiations("kvp"), before + 5)
        self.assertTrue(self.host.hvis("kvp", "list", "web").json()["pairs"])

    def test_disabled_services_are_not_offered_at_boot(self):
        """144: two guests at once, each with its own."""
        self.assertEqual({s: self.db.succeeds(f"test -e {path_of(s)}") for s in DEVICES},
                         {"heartbeat": True, "shutdown": True, "timesync": False, "kvp": False})
        self.assertEqual({s: v["primary"] for s, v in self.host.services("db").items()},
                         {"heartbeat": "ok", "shutdown": "ok", "timesync": "disabled", "kvp": "disabled"})
        running = f"test -e {DAEMON_DEVICE} && pidof hv_kvp_daemon"
        self.assertTrue(self.web.succeeds(running), "what would be there")
        self.assertFalse(self.db.succeeds(f"test -e {DAEMON_DEVICE}"))
        self.assertFalse(self.db.succeeds("pidof hv_kvp_daemon"))
        error = self.host.hvis("kvp", "list", "db", status=5).error()
        self.assertIn("disabled", error["message"])
        self.assertIn("service enable", error.get("hint", ""), "what would help is said")

    def test_disabling_ends_what_is_under_way(self):
        """148: the daemon hangs, so that the request is with the guest. A pair would be kept by the host, and set later."""
        setting = ("ip", "set", "web", ADAPTER, "--address", "192.168.7.2/24", "--timeout", "200s")
        self.web.output(SHOW_ADAPTER)
        self.addCleanup(self.web.output, HIDE_ADAPTER)
        self.addCleanup(self.host.hvis, "service", "enable", "web", "kvp")
        self.addCleanup(self.web.output, FREE_DAEMON)
        self.web.output(HANG_DAEMON)
        sent = self.packets_sent()
        pending = self.host.begin(*setting)
        self.host.await_that("the request has left the host", lambda: self.packets_sent() > sent)
        self.assertIsNone(pending.poll(), "nobody can answer it")
        self.host.hvis("service", "disable", "web", "kvp")
        # Long before its own time is over. One that comes too late for the service is told that it "is disabled".
        error = self.host.ends_with(pending, 5, patience=100).error()
        self.assertEqual((error["outcome"], error["message"]), ("service_disabled", "the service was disabled"))
        self.web.output(FREE_DAEMON)
        self.host.hvis("service", "enable", "web", "kvp")
        self.host.await_service("web", "kvp", "ok")
        self.pairs("auto")  # requests go in turn: what had been kept for later would have come before
        self.assertFalse(self.web.succeeds(f"test -e {TAKEN_SETTINGS}"), "it was not made up for")
        self.host.hvis(*setting)
        self.host.await_that("a request of now is carried out", lambda: self.web.succeeds(f"test -e {TAKEN_SETTINGS}"))

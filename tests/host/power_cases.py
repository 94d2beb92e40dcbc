"""The guests' power and life, and the ends of those that serve them."""

import os
import shutil
import signal

from two_guests import HV_E_FAIL, MEMORY_NOISE, SHOW_MESSAGES, TwoGuests


class PowerCases(TwoGuests):
    def test_hibernation_is_refused_by_a_guest_without_s4(self):
        """38"""
        mark = self.host.mark()
        error = self.host.hvis("vm", "hibernate", "db", status=1).error()
        self.assertEqual((error["code"], error["outcome"], error["guest_status"]), ("failed", "refused", HV_E_FAIL))
        self.assertIn(f"{HV_E_FAIL:#x}", error["message"])
        refused = self.host.await_event("db", "shutdown_refused", mark)["fields"]
        self.assertEqual((refused["action"], int(refused["status"], 16)), ("hibernate", HV_E_FAIL))
        self.assertTrue(self.db.succeeds("dmesg | grep -q 'Hibernation request received'"))
        self.assertEqual(self.host.hvis("vm", "show", "db").json()["state"], "running")

    def test_hibernation_is_accepted_by_a_guest_with_s4(self):
        """39, in part: nothing in the guest takes up the event, and there is no disk to hibernate to: it goes on."""
        mark = self.host.mark()
        self.host.hvis("vm", "hibernate", "web", "--timeout", "5s", status=4)
        self.host.await_event("web", "shutdown_accepted", mark)
        self.assertTrue(self.web.succeeds("dmesg | grep -q 'Sent hibernation uevent'"))
        self.assertEqual(self.web.output("cat /sys/bus/vmbus/hibernation"), "1")
        self.assertEqual(self.host.hvis("vm", "show", "web").json()["state"], "running")
        self.host.await_service("web", "shutdown", "ok")

    def test_shutdown_works_after_its_service_was_switched(self):
        """35, 36, 41, and 153 with two starts: the second leaves hvisd no more than the first."""
        before = self.negotiations("shutdown", self.db)
        self.host.hvis("service", "disable", "db", "shutdown")
        self.host.hvis("stop", "db", status=5)
        self.host.hvis("service", "enable", "db", "shutdown")
        self.host.await_service("db", "shutdown", "ok")
        self.assertEqual(self.negotiations("shutdown", self.db), before + 1)
        self.db.output(SHOW_MESSAGES)
        self.shut_down("db")
        self.db.read_until("Shutdown request received - graceful shutdown initiated")
        self.start("db", ("heartbeat",))
        files, memory = self.host.files(), self.host.memory()
        self.shut_down_once_asked_twice()
        self.start("db", ("heartbeat",))
        self.host.await_that(f"hvisd has {files} descriptors again", lambda: self.host.files() <= files)
        self.assertLess(self.host.memory(), memory + MEMORY_NOISE)
        self.db.connect()

    def test_restart(self):
        """37"""
        mark = self.host.mark()
        self.db.output(SHOW_MESSAGES)
        self.host.hvis("vm", "restart", "db", "--timeout", "200s")
        self.assertEqual(self.host.await_event("db", "vm_reset", mark)["fields"]["by"], "guest")
        self.db.read_until("Restart request received - graceful restart initiated")
        self.host.await_event("db", "vmbus_connected", mark)
        self.host.await_ready("db", ("heartbeat",))
        self.host.await_services("db")
        for service in ("heartbeat", "shutdown"):
            self.host.await_event("db", "service_negotiated", mark, lambda fields, s=service: fields["service"] == s)
        self.db.connect()

    def test_a_panic_is_told_with_its_text(self):
        """150"""
        self.assertEqual(self.db.output("cat /proc/sys/kernel/hyperv_record_panic_msg"), "1")
        mark = self.host.mark()
        self.db.send("echo c >/proc/sysrq-trigger")
        crash = self.host.await_event("db", "guest_crashed", mark, lambda fields: "Kernel panic" in fields.get("text", ""))
        self.assertEqual((crash["id"], crash["severity"]), (1007, "critical"))
        for parameter in ("p0", "p1", "p2", "p3", "p4"):
            self.assertRegex(crash["fields"][parameter], "^0x[0-9a-f]+$", parameter)
        self.host.await_event("db", "vm_reset", mark)
        self.host.await_ready("db", ("heartbeat",))
        self.host.await_services("db")
        remembered = self.host.status("db")["crash"]
        self.assertIn("Kernel panic", remembered["text"])
        self.assertEqual(len(remembered["parameters"]), 5)
        self.db.connect()

    def test_killing_the_manager_disturbs_no_guest(self):
        """156"""
        beats = self.web.output("cat /proc/sys/kernel/random/boot_id")
        mark = self.host.mark()
        os.kill(self.host.process.pid, signal.SIGKILL)
        self.host.process.wait()
        self.host.start()
        for vm in ("web", "db"):
            self.host.await_event(vm, "worker_adopted", mark)
            self.host.await_service(vm, "heartbeat", "ok")
        self.assertEqual(self.web.output("cat /proc/sys/kernel/random/boot_id"), beats)
        self.assertEqual([e["name"] for e in self.host.events("web", "--since", str(mark))
                          if e["name"] in ("heartbeat_lost", "vm_reset", "vm_stopped")], [])

    def test_a_killed_worker_is_started_again(self):
        """156"""
        mark = self.host.mark()
        started = [e for e in self.host.events("db") if e["name"] in ("worker_started", "worker_adopted")]
        os.kill(int(started[-1]["fields"]["pid"]), signal.SIGKILL)
        failed = self.host.await_event("db", "worker_failed", mark)
        self.assertIn("killed", failed["text"])
        self.host.await_event("db", "worker_started", mark)
        self.host.await_ready("db", ("heartbeat",))
        self.host.await_services("db")
        self.db.connect()

    def test_export_and_import(self):
        """155"""
        copy = os.path.join(self.host.directory, "copy")
        self.shut_down("db")
        self.host.hvis("kvp", "set", "db", "role", "database")
        self.host.hvis("vm", "export", "db", copy)
        self.host.hvis("vm", "delete", "db", "--yes")
        with open(os.path.join(copy, "half"), "w", encoding="utf-8"):
            pass
        self.host.hvis("vm", "import", copy)
        shutil.rmtree(copy)
        self.assertEqual({s: v["enabled"] for s, v in self.host.services("db").items()},
                         {"heartbeat": True, "shutdown": True, "timesync": False, "kvp": False})
        self.host.hvis("kvp", "get", "db", "role", "--pool", "external")
        self.start("db", ("heartbeat",))
        self.db.path = self.host.guest("db").path
        self.db.connect()

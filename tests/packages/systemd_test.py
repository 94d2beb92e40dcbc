#!/usr/bin/env python3
"""The packages on a Debian 12 that systemd runs: an emulated machine without KVM, with loopback VMs.

usage: systemd_test.py DEB-DIR [STEP...]     without STEP: all, in their order"""

import glob
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "host"))

from machine import Machine, PATIENCE, need  # pylint: disable=wrong-import-position

UNITS = ("hvisd.socket", "hvisd.service", "hvis-guests.service")
USER = "systemctl --user -M hvis@"


class PackagesTest:
    """The steps, in the order in which they build upon one another."""

    def __init__(self, machine):
        self.machine = machine
        self.run = machine.run
        self.until = machine.until

    def hvis(self, words):
        return json.loads(self.run(f"hvis --json {words}"))

    def show(self, unit, *properties):
        lines = self.run(f"systemctl show {unit} -p {','.join(properties)}").splitlines()
        values = dict(line.split("=", 1) for line in lines)
        return [values[name] for name in properties]

    def main_pid(self, unit="hvisd.service"):
        return int(self.show(unit, "MainPID")[0])

    def worker(self, name="trial"):
        """The process that systemd says is the worker of a VM."""
        vm = self.hvis(f"vm show {name}")["id"]
        return int(self.run(f"{USER} show hvis-vm@{vm}.service -p MainPID --value"))

    def workers(self):
        """Units of workers that the user's systemd knows, in whatever state."""
        return self.run(f"{USER} list-units --all --plain --no-legend 'hvis-vm@*'").splitlines()

    def events(self, name, about=""):
        return [event for event in self.hvis(f"events {about}")["events"] if event["name"] == name]

    def await_events(self, name, count, about="trial"):
        deadline = time.monotonic() + PATIENCE
        while len(self.events(name, about)) < count:
            if time.monotonic() > deadline:
                raise AssertionError(f"there are not {count} events {name}: {self.run(f'hvis events {about}')}")
            time.sleep(0.5)

    def await_new_hvisd(self, old):
        self.until("another hvisd", f"p=$(systemctl show hvisd.service -p MainPID --value); test $p != 0 && test $p != {old} && "
                                    "systemctl is-active hvisd.service && hvis list")

    def await_running(self, name):
        self.run(f"hvis wait {name} --for heartbeat --timeout 300s")

    def install(self):
        """dpkg installs the packages: users, units and hvisd are there"""
        self.until("the end of booting", "systemctl is-system-running | grep -E 'running|degraded'")
        self.run("dpkg -i /mnt/1/*.deb")
        for unit in UNITS:
            assert self.show(unit, "ActiveState", "UnitFileState") == ["active", "enabled"], self.run(f"systemctl status {unit}")
        self.run("hvis version")

    def socket_activation(self):
        """the first call of hvis starts a stopped hvisd, which is active only once it says READY"""
        self.run("systemctl stop hvisd.service")
        assert self.show("hvisd.service", "ActiveState") == ["inactive"]
        self.hvis("list")
        state, kind, began, active = self.show("hvisd.service", "SubState", "Type", "ExecMainStartTimestampMonotonic",
                                               "ActiveEnterTimestampMonotonic")
        assert (state, kind) == ("running", "notify"), (state, kind)
        assert int(active) > int(began), "active before READY"

    def launcher(self):
        """hvisd tells that its user's systemd runs the workers, and why"""
        launcher = self.hvis("host show")["launcher"]
        assert launcher["kind"] == "systemd-user" and "/run/user/" in launcher["explanation"], launcher
        self.run("journalctl -u hvisd.service | grep 'launcher systemd-user'")

    def start_vm(self):
        """a started VM is a transient unit of its own"""
        self.run("hvis vm create trial --partition loopback --memory 64M --restart on_failure --restart-delay 1s")
        self.run("hvis start trial")
        self.await_running("trial")
        units = self.workers()
        assert len(units) == 1 and "running" in units[0], units
        assert self.run(f"readlink /proc/{self.worker()}/exe").endswith("/hvis-vm")
        group = self.run(f"cat /proc/{self.worker()}/cgroup")
        assert "hvis-vm" in group and "hvisd.service" not in group, group

    def export(self):
        """an export goes where others can take it, and nowhere where nobody would find it"""
        self.run("hvis vm create off --partition loopback --memory 64M")
        refused = self.run("hvis vm export off /tmp/off 2>&1; echo status $?")
        assert "Read-only file system" in refused and "hvisd(8)" in refused and "status 1" in refused, refused
        self.run("hvis vm export off /var/lib/hvis/exports/off && test -f /var/lib/hvis/exports/off/manifest.json")
        self.run("cp -r /var/lib/hvis/exports/off /tmp/copy && chmod -R a+rX /tmp/copy")
        self.run("hvis vm import /tmp/copy --name copy --new-id && hvis vm delete copy --yes && hvis vm delete off --yes")

    def restarts(self):
        """systemctl restart and kill -9 of hvisd leave the worker alone, which is taken over"""
        worker = self.worker()
        for count, how in enumerate(("systemctl restart hvisd.service", "kill -9 {}"), 1):
            old = self.main_pid()
            self.run(how.format(old))
            self.await_new_hvisd(old)
            self.await_events("worker_adopted", count)
            assert self.worker() == worker

    def watchdog(self):
        """systemd ends an hvisd that hangs, and starts another; the VM does not notice"""
        assert int(self.show("hvisd.service", "WatchdogUSec")[0].removesuffix("min")) == 1
        worker = self.worker()
        self.run("mkdir -p /run/systemd/system/hvisd.service.d && printf '[Service]\\nWatchdogSec=10\\n' "
                 ">/run/systemd/system/hvisd.service.d/test.conf && systemctl daemon-reload && systemctl restart hvisd.service")
        old, beat = self.show("hvisd.service", "MainPID", "WatchdogTimestampMonotonic")
        self.until("a sign of life", f"test $(systemctl show hvisd.service -p WatchdogTimestampMonotonic --value) -gt {beat}")
        assert self.main_pid() == int(old)
        self.run(f"kill -STOP {old}")
        self.await_new_hvisd(old)
        self.run("journalctl -u hvisd.service | grep -i 'watchdog timeout'")
        assert self.worker() == worker
        self.run("rm -r /run/systemd/system/hvisd.service.d && systemctl daemon-reload && systemctl restart hvisd.service")
        self.hvis("list")

    def worker_killed(self):
        """a killed worker is recorded, its unit goes, and the policy starts another"""
        old = self.worker()
        self.run(f"kill -9 {old}")
        self.await_events("worker_failed", 1)
        self.until("another worker", f"hvis wait trial --for heartbeat --timeout 60s && "
                                     f"! test -e /proc/{old} && hvis list --state running | grep trial")
        assert self.worker() not in (0, old)
        assert len(self.workers()) == 1
        self.run("hvis stop trial")
        self.until("no unit", f"! {USER} list-units --all --plain --no-legend 'hvis-vm@*' | grep .")

    def user_manager_restarts(self):
        """when the systemd of its user was restarted, hvisd finds it again; the guest was shut down"""
        old = self.main_pid()
        self.run("hvis start trial")
        self.await_running("trial")
        self.run("systemctl restart user@$(id -u hvis).service")
        self.run("hvis wait trial --for stopped --timeout 300s")
        assert not self.events("worker_unreachable", "trial")
        self.run("hvis start trial")
        self.await_running("trial")
        assert self.main_pid() == old, "hvisd was restarted too"
        assert len(self.workers()) == 1
        self.run("journalctl -u hvisd.service | grep 'systemd answers again'")

    def journal(self):
        """each field of an event in the journal finds it"""
        event = self.events("worker_started", "trial")[-1]
        vm = self.hvis("vm show trial")["id"]
        fields = {"MESSAGE_ID": f"5d1c7a0f94e34b7c8a26f0b9e31d{event['id']:04x}", "HVIS_EVENT": "worker_started",
                  "HVIS_EVENT_ID": event["id"], "HVIS_SEQUENCE": event["sequence"], "HVIS_SERVICE": "manager",
                  "HVIS_VM": "trial", "HVIS_VM_ID": vm}
        for name, value in fields.items():
            lines = self.run(f"journalctl -o json {name}={value}").splitlines()
            found = [entry for entry in map(json.loads, lines) if entry["HVIS_SEQUENCE"] == str(event["sequence"])]
            assert len(found) == 1, f"{name}={value} finds it {len(found)} times"
            assert all(found[0][other] == str(wanted) for other, wanted in fields.items()), found[0]
        assert not self.run("journalctl -q -o json HVIS_VM=nobody")

    def upgrade(self):
        """an upgrade restarts hvisd under running VMs, whose definitions stay"""
        worker, old = self.worker(), self.main_pid()
        self.run("dpkg -i /mnt/2/*.deb")
        assert self.run("dpkg-query -W -f '${Version}' hvis").endswith("+test")
        self.await_new_hvisd(old)
        assert self.worker() == worker
        assert [vm["name"] for vm in self.hvis("list")["vms"]] == ["trial"]
        assert self.show("hvis-guests.service", "ActiveState") == ["active"]

    def socket_restart(self):
        """nothing that is done to the socket reaches the guests"""
        worker = self.worker()
        self.run("systemctl stop hvisd.service hvisd.socket; systemctl start hvisd.socket")
        self.hvis("list")
        assert self.worker() == worker
        assert self.show("hvis-guests.service", "ActiveState") == ["active"]

    def power_off(self):
        """systemctl poweroff shuts the guests down cleanly, in the reverse of their order"""
        self.run("hvis vm set trial --autostart --autostart-order 1")
        self.run("hvis vm create second --partition loopback --memory 64M --autostart --autostart-order 2")
        self.run("hvis start second")
        self.await_running("second")
        self.machine.power_off()

    def boot_again(self):
        """at the next boot hvisd waits for its user's systemd, and starts the VMs as units"""
        self.machine.boot()
        for name in ("trial", "second"):
            self.until(f"{name} runs", f"hvis wait {name} --for heartbeat --timeout 60s")
        assert len(self.workers()) == 2, self.run("journalctl -b -u hvisd.service")
        assert not self.events("autostart_failed")
        assert not self.run("systemctl list-units --failed --plain --no-legend"), self.run("systemctl --failed")

    def what_power_off_did(self):
        """the events and the journal of the boot before tell of that clean shutdown"""
        assert len(self.events("host_shutdown")) == 1
        assert not self.events("guest_too_slow")
        asked = {name: self.events("shutdown_requested", name)[-1]["sequence"] for name in ("trial", "second")}
        ended = {name: [e for e in self.events("vm_powered_off", name) if e["sequence"] > asked[name]][0]
                 for name in ("trial", "second")}
        assert ended["second"]["sequence"] < asked["trial"], "the second is down before the first is asked"
        assert all(event["fields"]["by"] == "guest" for event in ended.values()), ended
        log = self.run("journalctl -b -1 -o cat _PID=1").splitlines()
        place = {text: [i for i, line in enumerate(log) if line.startswith(text)][-1]
                 for text in ("Stopped hvis-guests.service", "Stopping hvisd.service", "Stopping user@")}
        assert place["Stopped hvis-guests.service"] < place["Stopping hvisd.service"], log[-60:]
        assert place["Stopped hvis-guests.service"] < place["Stopping user@"], log[-60:]

    def nothing_runs(self):
        self.until("the end of all that hvis ran", "! ls -l /proc/*/exe 2>/dev/null | grep -E '/hvis(d|-vm|-loopback)'")
        self.until("the end of the user's systemd", "! systemctl is-active user@$(id -u hvis).service")

    def remove(self):
        """removing shuts the guests down and leaves nothing running; definitions stay"""
        self.run("dpkg -r hvis")
        self.nothing_runs()
        self.run("test -f /var/lib/hvis/hvis.db && ! test -e /usr/sbin/hvisd")
        assert not self.run("systemctl list-units --plain --no-legend 'hvis*'")

    def install_again(self):
        """what was removed and comes back runs at once, with all definitions"""
        self.run("dpkg -i /mnt/1/hvis_*.deb")
        for unit in UNITS:
            assert self.show(unit, "ActiveState", "UnitFileState") == ["active", "enabled"], unit
        assert [vm["name"] for vm in self.hvis("list")["vms"]] == ["second", "trial"]
        self.run("hvis start trial")
        assert len(self.workers()) == 1

    def purge(self):
        """purging leaves nothing running and nothing behind"""
        self.run("dpkg -P hvis hvis-doc")
        self.nothing_runs()
        left = self.run("find / -xdev -name '*hvis*' -not -path '/proc/*' -not -path '/run/*' -not -path '/var/log/*' -o -xtype l "
                        "-path '/etc/systemd/*' -name '*hvis*'")
        assert not left, f"left behind: {left}"

    STEPS = (install, socket_activation, launcher, start_vm, export, restarts, watchdog, worker_killed, user_manager_restarts, journal,
             upgrade, socket_restart, power_off, boot_again, what_power_off_did, remove, install_again, purge)

    def all(self, wanted):
        for step in self.STEPS:
            if wanted and step.__name__ not in wanted:
                continue
            began = time.monotonic()
            try:
                step(self)
            except Exception:
                print(f"FAILED  {step.__doc__}", flush=True)
                raise
            print(f"ok {time.monotonic() - began:5.1f} s  {step.__doc__}", flush=True)


def newer(packages, to):
    """The same packages with a higher version."""
    for deb in glob.glob(f"{packages}/hvis*.deb"):
        with tempfile.TemporaryDirectory() as tree:
            subprocess.run(["dpkg-deb", "-R", deb, tree], check=True)
            subprocess.run(["sed", "-i", "s/^Version: .*/&+test/", f"{tree}/DEBIAN/control"], check=True)
            subprocess.run(["dpkg-deb", "-b", "-Zgzip", "-z1", tree, f"{to}/{os.path.basename(deb)}"], check=True,
                           stdout=subprocess.DEVNULL)


def main():
    if len(sys.argv) < 2 or set(sys.argv[2:]) - {step.__name__ for step in PackagesTest.STEPS}:
        raise SystemExit(__doc__)
    packages = os.path.abspath(sys.argv[1])
    hvis = glob.glob(f"{packages}/hvis_*.deb")
    if not hvis:
        raise SystemExit(f"there are no packages in {packages}: make them with tests/packages/build {packages}")
    need("qemu-system-x86_64", "qemu-system-x86")
    need("qemu-img", "qemu-utils")
    need("mke2fs", "e2fsprogs")
    if os.geteuid() != 0:
        os.execvp("sudo", ["sudo", "-E", sys.executable, *sys.argv])  # debootstrap needs it
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # the emulator ends with us
    image = subprocess.run([f"{HERE}/machine-image", hvis[0]], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    with tempfile.TemporaryDirectory(prefix="hvis-packages.") as directory:
        os.makedirs(f"{directory}/debs/1")
        os.makedirs(f"{directory}/debs/2")
        for deb in glob.glob(f"{packages}/*.deb"):
            shutil.copy(deb, f"{directory}/debs/1")
        newer(packages, f"{directory}/debs/2")
        machine = Machine(image, f"{directory}/debs", directory)
        try:
            began = time.monotonic()
            machine.boot()
            print(f"ok {time.monotonic() - began:5.1f} s  a Debian 12 boots with systemd", flush=True)
            PackagesTest(machine).all(sys.argv[2:])
        except BaseException:
            sys.stdout.flush()
            print(f"--- console\n{machine.last_words()}", file=sys.stderr)
            if machine.emulator is not None and machine.emulator.poll() is None:
                print("--- journal\n" + machine.shell.run("journalctl -b -n 100 --no-pager")[1], file=sys.stderr)
            raise
        finally:
            machine.end()
    print("packages: systemd ran them on a Debian 12 through a shutdown, a boot, an upgrade and their removal")


if __name__ == "__main__":
    main()

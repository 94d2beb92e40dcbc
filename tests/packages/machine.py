"""A Debian with systemd on an emulated machine, which keeps its disk from one boot to the next."""

import os
import shutil
import subprocess
import time

from guest import Guest

# For anything that an emulated processor does beside other work.
PATIENCE = 600


def need(program, package):
    if shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin") is None:
        raise SystemExit(f"there is no {program}: install it with 'apt-get install {package}'")


class Machine:
    def __init__(self, image, packages, directory):
        """`image`: folder that machine-image printed. `packages`: folder that is to be seen at /mnt."""
        self.image = image
        self.directory = directory
        self.shell = None
        self.emulator = None
        self.boots = 0
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", f"{image}/disk", "-F", "raw", self.path("disk")],
                       check=True)
        size = sum(os.path.getsize(os.path.join(folder, name)) for folder, _, names in os.walk(packages) for name in names)
        subprocess.run(["mke2fs", "-q", "-t", "ext2", "-d", packages, self.path("packages"), f"{size // 1024 + 8192}k"],
                       check=True, stdout=subprocess.DEVNULL, env=dict(os.environ, PATH=os.environ["PATH"] + ":/usr/sbin:/sbin"))

    def path(self, name):
        return os.path.join(self.directory, name)

    def console(self):
        return self.path(f"console.{self.boots}.log")

    def boot(self):
        self.boots += 1
        socket = self.path("shell")
        drives = [f"file={self.path('disk')},format=qcow2,if=virtio,cache=unsafe",
                  f"file={self.path('packages')},format=raw,if=virtio,readonly=on"]
        self.emulator = subprocess.Popen(
            ["qemu-system-x86_64", "-name", "hvis-packages", "-nodefaults", "-no-reboot", "-display", "none",
             "-accel", "tcg", "-cpu", "Nehalem,+rdrand", "-smp", "1", "-m", "1G",
             "-kernel", f"{self.image}/vmlinuz", "-initrd", f"{self.image}/initrd",
             "-append", "console=ttyS0 quiet loglevel=4 panic=-1 mitigations=off nokaslr tsc=reliable random.trust_cpu=on "
                        "systemd.show_status=error",
             "-serial", f"file:{self.console()}", "-nic", "none",
             *[word for drive in drives for word in ("-drive", drive)],
             "-device", "virtio-serial-pci", "-chardev", f"socket,id=shell,path={socket},server=on,wait=off",
             "-device", "virtconsole,chardev=shell"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        self.shell = Guest(socket, PATIENCE)
        self.shell.connect()
        self.shell.read_until("HVIS-GUEST-READY\n")
        self.run("mount -o ro /dev/vdb /mnt")

    def run(self, command):
        """What a command that must succeed prints."""
        return self.shell.output(command)

    def succeeds(self, command):
        return self.shell.succeeds(command)

    def until(self, what, command):
        """Waits until the command succeeds; gives what it prints."""
        deadline = time.monotonic() + PATIENCE
        while True:
            status, output = self.shell.run(command)
            if status == 0:
                return output
            if time.monotonic() > deadline:
                raise AssertionError(f"never happened: {what}: {command}: {output}")
            time.sleep(0.5)

    def power_off(self):
        """By systemd, as an administrator does it."""
        self.shell.send("systemctl poweroff")
        self.emulator.wait(timeout=PATIENCE)
        self.shell.close()

    def end(self):
        if self.emulator is not None and self.emulator.poll() is None:
            self.emulator.kill()
            self.emulator.wait()

    def last_words(self):
        try:
            with open(self.console(), encoding="utf-8", errors="replace") as file:
                return "".join(file.readlines()[-25:])
        except OSError:
            return ""

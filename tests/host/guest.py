"""The root shell on a test guest's serial port; its protocol is in lab/README.md."""

import base64
import re
import socket
import time


class Guest:
    def __init__(self, path, patience):
        self.path = path
        self.patience = patience
        self.text = ""
        self.number = 0
        self.socket = None

    def connect(self):
        """To the serial port of the VM's present worker."""
        deadline = time.monotonic() + self.patience
        self.close()
        while True:
            self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                self.socket.connect(self.path)
                break
            except OSError:
                self.socket.close()
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
        self.text = ""

    def close(self):
        if self.socket is not None:
            self.socket.close()
            self.socket = None

    def read_until(self, pattern):
        """What came before a match, which is consumed, and the match."""
        deadline = time.monotonic() + self.patience
        while True:
            found = re.search(pattern, self.text)
            if found:
                before, self.text = self.text[:found.start()], self.text[found.end():]
                return before, found
            self.socket.settimeout(max(0.1, deadline - time.monotonic()))
            try:
                data = self.socket.recv(65536)
            except TimeoutError:
                data = b""
            if not data:
                raise AssertionError(f"the guest's console ended, or was silent, before {pattern!r}: ...{self.text[-500:]}")
            self.text += data.decode(errors="replace").replace("\r\n", "\n")

    def send(self, command):
        """For a command whose end cannot be seen: the guest goes down with it."""
        self.number += 1
        name = f"h{self.number}"
        coded = base64.b64encode(command.encode()).decode()
        self.socket.sendall(f"{name} b64:{coded}\n".encode())
        return name

    def run(self, command):
        """The status and output of a shell command."""
        name = self.send(command)
        self.read_until(f"<<<{name}\n")
        output, end = self.read_until(f"(?:^|\n)>>>{name} (\\d+)\n")
        return int(end.group(1)), output.strip("\n")

    def output(self, command):
        status, output = self.run(command)
        if status != 0:
            raise AssertionError(f"in the guest: {command}: status {status}: {output}")
        return output

    def succeeds(self, command):
        return self.run(command)[0] == 0

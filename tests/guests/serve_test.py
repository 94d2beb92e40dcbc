"""`./run` on a terminal: the demonstration's guest goes on, with hvisd, until Ctrl+C, which has it shut itself down.

usage: serve_test.py SHOW-HOST BUILD-DIR GUEST-DIR
"""

import glob
import os
import pty
import re
import signal
import subprocess
import sys

# For a guest on an emulated processor.
PATIENCE = 800
CTRL_C = b"\x03"


def main(show_host, build, guest):
    signal.alarm(PATIENCE)
    before = set(glob.glob("/tmp/hvis-demo.*"))
    demo, terminal = pty.fork()
    if demo == 0:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # ignored in what a script runs in the background
        os.execv(show_host, [show_host, build, guest, "serve"])
    seen = b""

    def read_until(pattern):
        nonlocal seen
        while not re.search(pattern, seen):
            data = os.read(terminal, 4096)
            os.write(1, data)
            seen += data

    read_until(rb"Ctrl\+C ends it.*\n.*status demo\r?\n")
    socket = re.search(rb"HVIS_SOCKET=(\S+) ", seen).group(1).decode()
    hvis = f"{build}/src/cli/hvis"
    named = dict(os.environ, HVIS_SOCKET=socket)
    # Somebody looks at it from another terminal.
    listed = subprocess.run([hvis, "list"], env=named, stdout=subprocess.PIPE, text=True, check=True).stdout
    assert re.search(r"^demo +running ", listed, re.MULTILINE), listed
    os.write(terminal, CTRL_C)
    try:
        read_until(rb"(?!)")
    except OSError:
        pass  # the terminal's other end is closed: the demonstration has ended
    _, status = os.waitpid(demo, 0)
    assert os.waitstatus_to_exitcode(status) == 130, status
    assert b"demo has stopped" in seen, "the guest was asked, and shut itself down"
    assert subprocess.run([hvis, "list"], env=named, stderr=subprocess.DEVNULL, check=False).returncode != 0, "hvisd ended"
    assert set(glob.glob("/tmp/hvis-demo.*")) == before, "nothing is left"


if __name__ == "__main__":
    main(*sys.argv[1:])

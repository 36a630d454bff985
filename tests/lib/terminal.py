# SPDX-License-Identifier: GPL-2.0-or-later
"""umlctl on a terminal, for tests that type and read."""

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios

from umldtest import wait_until


class Terminal:
    """umlctl console, or another verb, on a terminal of its own; without a world, any program."""

    def __init__(self, world, *arguments, verb="console", rows=24, columns=80, env=None):
        self.master, self.slave = pty.openpty()
        self.resize(rows, columns)
        self.before = termios.tcgetattr(self.slave)
        self.text = ""
        self.process = subprocess.Popen(
            world.command("host", world.program("umlctl/umlctl"), verb, "web", *arguments) if world else arguments, stdin=self.slave,
            stdout=self.slave, stderr=self.slave, start_new_session=True,
            env={**os.environ, "TERM": "xterm", **({"UMLD_PAGER": ""} if world else {}), **(env or {})},
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))

    def resize(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self, timeout=0.1):
        """Takes what there is; the text so far."""
        while select.select([self.master], [], [], timeout)[0]:
            data = os.read(self.master, 65536)
            self.text += data.decode(errors="replace")
            timeout = 0
        return self.text

    def wait_for(self, what, timeout=15):
        """The text up to there, which is taken away."""
        wait_until(lambda: what in self.read(0.02), timeout, f"{what!r} in {self.text[-2000:]!r}", interval=0)
        taken, _, self.text = self.text.partition(what)
        return taken

    def type(self, text):
        data = text.encode()
        while data:
            data = data[os.write(self.master, data[:512]):]

    def command(self, text, timeout=15):
        """Has the guest's shell do it; what it printed."""
        self.type(text + "; echo D''ONE\r")
        return self.wait_for("DONE\r\n", timeout)

    def end(self, timeout=10):
        """Waits for umlctl's end; its exit status. The terminal must be as it was."""
        wait_until(lambda: self.read(0.02) and self.process.poll() is not None, timeout, "the end of umlctl")
        self.read()
        after = termios.tcgetattr(self.slave)
        os.close(self.master)
        os.close(self.slave)
        if after != self.before:
            raise AssertionError(f"the terminal is not as it was: {self.before} {after}")
        return self.process.returncode

    def detach(self, keys="\x1d\x1d"):
        self.type(keys)
        return self.end()

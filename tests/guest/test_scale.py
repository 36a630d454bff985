#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What an idle umld does, and how much memory it takes, must not grow with the guests beside it."""

import contextlib
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from umldtest import Daemon, TestCase, main, wait_until  # noqa: E402

FEW, MANY = 2, 20
WINDOW = 10.5  # seconds: each of its timers runs at least once


def calls(pid):
    """{system call: how often} in that time."""
    with tempfile.NamedTemporaryFile() as out:
        tracer = subprocess.Popen(["strace", "-qq", "-f", "-c", "-o", out.name, "-p", str(pid)])
        time.sleep(WINDOW)
        tracer.send_signal(signal.SIGINT)
        tracer.wait()
        rows = re.findall(r"^ *[\d.]+ +[\d.]+ +\d+ +(\d+) +(?:\d+ +)?(\w+)$", Path(out.name).read_text(), re.M)
    return {name: int(n) for n, name in rows if name != "total"}


def bytes_read(pid):
    return int(re.search(r"rchar: (\d+)", Path(f"/proc/{pid}/io").read_text())[1])


def private_kib(pid):
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return sum(int(n) for n in re.findall(r"^Private_\w+:\s+(\d+)", text, re.M))


class Scale(TestCase):
    shm = "512M"

    def start(self, numbers):
        for i in numbers:
            self.world.guest(f"g{i}", fake="memory:1,boot,ready", own_uid=False, Supervise={"Ready": "guest"},
                             Network={"Tap": f"tap{i}", "HostAddress": f"10.1.{i}.1/24", "GuestAddress": f"10.1.{i}.2",
                                      "Forward": f"tcp/{10000 + i}:80"})
        daemons = [Daemon(self.world, f"g{i}") for i in numbers]
        for each in daemons:
            each.wait_ready(60)
        return daemons

    def measure(self, pid, settle=6):
        """What it does in WINDOW, once what came with the last starts is over."""
        time.sleep(settle)
        read = bytes_read(pid)
        made = calls(pid)
        return made, bytes_read(pid) - read, private_kib(pid)

    def test_idle(self):
        first = self.start(range(FEW))[0]
        made, read, private = self.measure(first.pid)
        self.start(range(FEW, MANY))
        # Within 20 s each umld notices that its guest's share of connections is another one, if it is (umld(8)).
        with contextlib.suppress(AssertionError):
            wait_until(lambda: "number of guests have changed" in first.log, 25, "the new share")
        # What is done twice a minute, or once, falls into some of the windows, but not into all of a minute.
        for settle in 6, 0, 0, 0, 0, 0, 0:
            made_more, read_more, private_more = self.measure(first.pid, settle)
            if sum(made_more.values()) <= sum(made.values()) * 1.25 + 40:
                break
        else:
            self.fail(f"{made}\n{made_more}")
        self.assertLessEqual(read_more, read * 1.25 + 16384)
        self.assertLessEqual(private_more, private * 1.1 + 32)

    def test_locks(self):
        """A first start takes the lock of the tables once: what has just been set up is not checked again."""
        self.world.guest("web", fake="memory:1,boot,ready", Supervise={"Ready": "guest"}, Network={"Forward": "tcp/8080:80"})
        trace = self.world.dir / "trace"
        umld = Daemon(self.world, "web", wrapper=["strace", "-qq", "-e", "trace=openat", "-o", trace]).wait_ready(60)
        self.assertEqual(trace.read_text(encoding="utf-8").count('xtables.lock"'), 1)
        self.assertEqual(self.world.umlctl("stop", "web").returncode, 0)
        umld.wait(60)

    def test_list(self):
        """All are asked, and all answer."""
        self.start(range(MANY))
        listed = wait_until(lambda: self.world.umlctl("list", "--json").json, what="the list")
        self.assertEqual([g["state"] for g in listed], ["running"] * MANY)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A host that is frozen or suspended, and clocks that are set, hurt no guest."""

import contextlib
import itertools
import json
import os
import re
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from spin import make_spin  # noqa: E402
from umldtest import (BUILD, DONE, MAKE_GUEST, NOT_RUNNING, PACE, PATIENCE, TestCase, children, main, mconsole,  # noqa: E402
                      test_kernels, wait_until)

CHECK, TIMEOUT = 0.2, 1.5 * PACE
SUPERVISE = {"HangCheck": f"{CHECK * 1000:.0f}ms", "HangTimeout": f"{TIMEOUT * 1000:.0f}ms", "StopTimeout": "4s"}
FREEZER = Path("/sys/fs/cgroup/freezer")
HOUR = 3600


# ---- to stop all of an umld and its guest at once: by cgroup2, by the freezer of cgroup, by signals ----

@contextlib.contextmanager
def frozen_group(umld):
    group = umld.world.group
    (group / "cgroup.freeze").write_text("1")
    try:
        wait_until(lambda: "frozen 1" in (group / "cgroup.events").read_text(), 10, "a frozen world")
        yield
    finally:
        (group / "cgroup.freeze").write_text("0")


@contextlib.contextmanager
def frozen_old_group(umld):
    group = umld.world.other_group(FREEZER)
    for pid in [umld.pid] + children(umld.pid):
        (group / "cgroup.procs").write_text(str(pid))
    state = group / "freezer.state"
    state.write_text("FROZEN")
    try:
        wait_until(lambda: state.read_text() == "FROZEN\n", 10, "a frozen umld")
        yield
    finally:
        state.write_text("THAWED")


@contextlib.contextmanager
def stopped(umld):
    # Who is traced, such as the guest's processes, does nothing without the kernel that traces it.
    pids = [pid for pid in [umld.pid] + children(umld.pid) if "TracerPid:\t0\n" in Path(f"/proc/{pid}/status").read_text()]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def ways(world):
    """Those that this machine has; the last one every machine."""
    if world.group and (world.group / "cgroup.freeze").exists():
        yield frozen_group
    if (FREEZER / "cgroup.procs").exists():
        yield frozen_old_group
    yield stopped


# ---- clocks ----

class Clocks:
    """Those that umld and umlctl see, by tests/lib/shift-clock.c."""

    NAMES = ("realtime", "monotonic", "boottime")

    def __init__(self, world):
        self.ahead = dict.fromkeys(self.NAMES, 0)
        self.file = world.dir / "clocks"
        self.write()
        program = world.program("daemon/umld")
        linked = subprocess.run(["ldd", program], stdout=subprocess.PIPE, encoding="utf-8", check=True).stdout
        # A sanitizer's library wants to be the first.
        preload = re.findall(r"=> (\S*/lib[at]san\S+)", linked) + [str(BUILD / "tests/lib/shift-clock.so")]
        self.wrapper = ["env", f"SHIFT_CLOCK={self.file}", f"LD_PRELOAD={':'.join(preload)}"]

    def write(self):
        with open(self.file, "wb" if not self.file.exists() else "r+b", buffering=0) as f:
            f.write(struct.pack("qqq", *(int(self.ahead[n] * 1e6) for n in self.NAMES)))

    def step(self, seconds, *names):
        for name in names:
            self.ahead[name] += seconds
        self.write()

    def now(self):
        return time.time() + self.ahead["realtime"]


class ClockTest(TestCase):
    def start(self, fake="boot,ready", supervise=None, wrapper=(), console=None):
        self.world.guest(fake=fake, Guest={"DiskSync": "200ms"}, Supervise={**SUPERVISE, **(supervise or {})}, Console=console or {})
        return self.daemon(wrapper=wrapper)

    def wait_good(self, umld):
        wait_until(lambda: umld.status()["health"]["state"] in ("good", "busy"), 10, "good health", 0.05)

    def keep_busy(self, umld, seconds):
        """A fake guest that answers nothing for so long; and a question that it has not answered."""
        mconsole(self.world, umld.mconsole_path(), f"do sleep:{seconds * 1000:.0f}", timeout=0)
        time.sleep(1.5 * CHECK)

    def check_unharmed(self, umld, pid):
        """Nothing came of it, and nothing does while the next questions are asked."""
        time.sleep(5 * CHECK)
        status = umld.status()
        self.assertEqual((status["pid"], status["restarts"], status["state"]), (pid, 0, "running"), umld.log)
        self.wait_good(umld)

    def check_hang_is_noticed(self, umld, pid):
        since, began = len(umld.messages), time.monotonic()
        make_spin(pid)
        umld.wait_state("backoff", 20, since)
        taken = time.monotonic() - began
        self.assertGreater(taken, TIMEOUT - CHECK)
        self.assertLess(taken, TIMEOUT + 3 * CHECK + 1.5 * PATIENCE)
        umld.wait_state("running", 60, since)
        status = umld.status()
        self.assertEqual((status["last_exit"]["verdict"], status["restarts"]), ("hung", 1))


class Frozen(ClockTest):
    shm = "256M"

    def check_frozen(self, umld, way, busy=0.0):
        umld.wait_ready(60)
        self.wait_good(umld)
        pid = umld.guest_pid()
        if busy:
            self.keep_busy(umld, TIMEOUT + 1.5 + busy)
        with way(umld):
            time.sleep(TIMEOUT + 1.5)
        self.check_unharmed(umld, pid)
        if not busy:
            self.check_hang_is_noticed(umld, pid)
        self.assertEqual(umld.stop(), DONE)

    def test_running(self):
        for way in ways(self.world):
            with self.subTest(way=way.__name__):
                self.check_frozen(self.start(), way)

    def test_running_silently(self):
        """With a question under way, which is answered some time after."""
        for way in ways(self.world):
            with self.subTest(way=way.__name__):
                self.check_frozen(self.start(), way, 2.5 * CHECK)

    def check_kernel(self, kernel):
        """Its service is asked as well, and was as silent."""
        image = self.world.dir / "guest.img"
        subprocess.run([MAKE_GUEST, image], check=True, timeout=60)
        for way in itertools.islice(ways(self.world), 1):
            self.world.guest(kernel=kernel, image=image, Supervise={**SUPERVISE, "Probe": "tcp/80"})
            umld = self.daemon()
            umld.wait_ready(60)
            wait_until(lambda: umld.status()["probe"]["state"] == "good", 30, "a service", 0.05)
            self.check_frozen(umld, way)

    def test_booting(self):
        """Longer than StartTimeout, which is for a guest that can do something."""
        for way in ways(self.world):
            with self.subTest(way=way.__name__):
                umld = self.start("wait:1000,boot,ready", {"StartTimeout": "2s"})
                umld.wait_state("booting")
                time.sleep(0.3)  # its kernel runs
                with way(umld):
                    time.sleep(3.5)
                umld.wait_ready()
                self.assertIn("booting: umld was not scheduled for ", umld.log)
                self.assertEqual(umld.status()["restarts"], 0)
                umld.stop()

    def test_booting_in_vain(self):
        """The time that it gets instead has an end."""
        umld = self.start("wait:60000,boot,ready", {"StartTimeout": "1s"})
        umld.wait_state("booting")
        time.sleep(0.3)
        with next(ways(self.world))(umld):
            time.sleep(4)
        began = time.monotonic()
        umld.wait_state("backoff")
        self.assertLess(time.monotonic() - began, 2.5 * PATIENCE)
        umld.stop()

    def test_stopping(self):
        """Nobody cuts its power because the host was not there."""
        for way in ways(self.world):
            with self.subTest(way=way.__name__):
                umld = self.start().wait_ready()
                self.wait_good(umld)
                self.keep_busy(umld, 1.5)  # when the order comes
                umld.signal(signal.SIGTERM)
                umld.wait_state("stopping")
                with way(umld):
                    time.sleep(5)
                self.assertEqual(umld.wait(), DONE)
                self.assertEqual(re.findall(r"stop: (.*)", umld.log), 
                                 ["asking who handles ctrl-alt-del", "ctrl-alt-del"])
                self.assertIn("cleanly", umld.said("STATUS")[-1])


class Steps(ClockTest):
    def setUp(self):
        super().setUp()
        self.clocks = Clocks(self.world)

    def start(self, *arguments, **options):
        return super().start(*arguments, wrapper=self.clocks.wrapper, **options).wait_ready()

    def umlctl(self, *arguments):
        """With umld's clocks."""
        p = self.world.run("host", *self.clocks.wrapper, self.world.program("umlctl/umlctl"), *arguments)
        self.assertIn(p.returncode, (DONE, NOT_RUNNING), p.stderr)
        self.assertEqual(p.stderr, "")
        return p.stdout

    def status(self):
        return json.loads(self.umlctl("status", "web", "--json"))

    def kill_and_wait(self, umld):
        """How long it took until the next kernel ran."""
        since, began = len(umld.messages), time.monotonic()
        os.kill(umld.guest_pid(), signal.SIGKILL)
        umld.wait_state("running", 20, since)
        return time.monotonic() - began

    def say(self, umld, text):
        umld.mconsole(f"do say:{text}")
        wait_until(lambda: self.logged(text), 5, text)

    def logged(self, text):
        with contextlib.suppress(FileNotFoundError):  # for a moment there is none: it may be rotated just then
            return text in (self.world.log_dir / "web/console.log").read_text(errors="replace")
        return False

    def check_wall_clock(self, hours):
        umld = self.start(supervise={"RestartReset": "1h"},
                          console={"LogMax": "1M", "LogFiles": "3"})
        self.wait_good(umld)
        pid = umld.guest_pid()
        self.say(umld, "before-the-step")
        began = time.monotonic()
        wait_until(lambda: self.status()["disks"]["synced"], 5, "durable disks")
        before = self.status()
        self.clocks.step(hours * HOUR, "realtime")
        self.say(umld, "behind-the-step")
        self.check_unharmed(umld, pid)

        # What is shown: as long ago as it is, by the clock as it is now.
        status = self.status()
        self.assertAlmostEqual(status["since"] - before["since"], hours * HOUR, delta=1)
        self.assertAlmostEqual(status["uptime"] - before["uptime"], time.monotonic() - began, delta=2 * PATIENCE)
        self.assertLess(abs(self.clocks.now() - status["since"] - status["uptime"]), 5 * PATIENCE)
        self.assertLess(abs(self.clocks.now() - status["disks"]["synced"]), 5 * PATIENCE)

        # The log: its lines have the time that it was for umld when they came.
        log = self.umlctl("log", "web", "--since=10min")
        self.assertIn("behind-the-step", log)
        self.assertEqual("before-the-step" in log, hours < 0)
        umld.mconsole("do print:2")
        rotated = self.world.log_dir / "web/console.log.1"
        wait_until(rotated.exists, 20, "a rotated log")
        self.say(umld, "behind-the-rotation")

        # The first death is answered at once, and the second by one second, for neither was long ago.
        self.assertLess(self.kill_and_wait(umld), 0.9 * PATIENCE)
        self.clocks.step(-hours * HOUR, "realtime")
        self.assertGreater(self.kill_and_wait(umld), 1)
        self.assertEqual(umld.status()["restarts"], 2)
        self.assertEqual(len(self.umlctl("crashes", "web").splitlines()), 3, self.umlctl("crashes", "web"))
        self.check_backoff(umld, hours)
        self.assertEqual(umld.stop(), DONE)

    def check_backoff(self, umld, hours):
        """A step while the next start is waited for: it comes when it would have come."""
        since, began = len(umld.messages), time.monotonic()
        os.kill(umld.guest_pid(), signal.SIGKILL)
        umld.wait_state("backoff", 10, since)
        self.clocks.step(hours * HOUR, "realtime")
        status = self.status()
        if status["state"] == "backoff":  # else it took us that long
            self.assertLess(abs(status["next_start"] - self.clocks.now() - 1), 2)
        umld.wait_state("running", 20, since)
        self.assertTrue(2 <= time.monotonic() - began < 2 + 2 * PATIENCE, time.monotonic() - began)

    def test_wall_clock_forwards(self):
        self.check_wall_clock(5)

    def test_wall_clock_backwards(self):
        self.check_wall_clock(-5)

    def check_suspended(self, *clocks):
        """A night passes between two heartbeats, by some of the clocks."""
        umld = self.start()
        self.wait_good(umld)
        pid = umld.guest_pid()
        before = self.status()
        self.keep_busy(umld, 4 * CHECK)
        self.clocks.step(8 * HOUR, *clocks)
        self.check_unharmed(umld, pid)
        status = self.status()
        self.assertLess(abs(status["since"] - before["since"]), 1.1)
        self.assertGreater(status["uptime"], 8 * HOUR)
        self.check_hang_is_noticed(umld, pid)
        self.assertEqual(umld.stop(), DONE)

    def test_suspended(self):
        """Linux' monotonic clock stands still meanwhile."""
        self.check_suspended("realtime", "boottime")

    def test_suspended_below(self):
        """A machine that its hypervisor suspended: all of its clocks go on where the others are."""
        self.check_suspended("realtime", "monotonic", "boottime")


def add_kernels():
    for kernel in test_kernels():
        name = "".join(c if c.isalnum() else "_" for c in kernel.name)
        setattr(Frozen, f"test_{name}", lambda self, k=kernel: self.check_kernel(k))


add_kernels()


if __name__ == "__main__":
    main()

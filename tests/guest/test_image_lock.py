#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The image is umld's from its start to its end, so that no second kernel can have it, whoever dies meanwhile."""

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from umldtest import DONE, FAILED, TestCase, main, wait_until  # noqa: E402


class ImageLock(TestCase):
    def take(self):
        """Can it be had, by another umld's way?"""
        with open(self.world.image(), "r+b") as f, contextlib.suppress(BlockingIOError):
            fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        return False

    def grab(self, end):
        """Tries for it until the end, as often as it can."""
        while not end.is_set():
            self.tries += 1
            if self.take():
                self.got += 1

    def test_across_deaths(self):
        """Kills, a reboot, a back-off, a restart that was ordered: there is no moment between two kernels."""
        self.world.guest(fake="lock,boot,ready", Supervise={"StopTimeout": "4s", "RestartDelayMax": "2s"})
        umld = self.daemon().wait_ready()
        self.tries = self.got = 0
        end = threading.Event()
        thread = threading.Thread(target=self.grab, args=(end,))
        thread.start()
        try:
            for _ in range(3):
                since = len(umld.messages)
                os.kill(umld.guest_pid(), signal.SIGKILL)
                umld.wait_state("running", 20, since)
            since = len(umld.messages)
            umld.mconsole("do reboot")
            umld.wait_state("running", 20, since)
            self.assertEqual(self.world.umlctl("restart", "web").returncode, DONE)
        finally:
            end.set()
            thread.join()
        self.assertGreater(self.tries, 100)
        self.assertEqual(self.got, 0)
        self.assertNotIn("Failed to lock", (self.world.log_dir / "web/console.log").read_text(errors="replace"))
        self.assertEqual(umld.stop(), DONE)
        self.assertTrue(self.take())

    def test_check_beside_it(self):
        """The guest's own umld is not in the way of umld --check; that of another guest is."""
        overlay = self.world.state_dir / "web/overlay.cow"
        settings = {"Guest": {"Disk": f"{self.world.image()},cow={overlay}"},
                    "Network": {"Forward": "tcp/8080:80", "Proxy": "tcp/8081:81", "HostAddress6": "fd00:1::1/64",
                                "GuestAddress6": "fd00:1::2"}}
        self.world.guest(fake="boot,ready", **settings)
        before = self.world.check("web")
        umld = self.daemon().wait_ready()
        check = self.world.check("web")
        self.assertEqual((before.returncode, check.returncode, check.stderr), (DONE, DONE, before.stderr))
        for line in before.stdout.splitlines():
            self.assertIn(line, check.stdout)
        self.world.guest("other", fake="boot,ready", Guest={"Disk": overlay})
        check = self.world.check("other")
        self.assertEqual(check.returncode, FAILED)
        self.assertIn("another guest's umld uses this image", check.stderr)
        self.world.guest("web", fake="boot,ready", Guest={"Disk": self.world.image("other")})
        self.world.guest("other", fake="boot,ready")
        other = self.daemon("other").wait_ready()
        self.assertIn("another guest's umld uses this image", self.world.check("web").stderr)
        for each in (other, umld):
            self.assertEqual(each.stop(), DONE)

    def test_start_beside_a_check(self):
        """A check that has looked at the disks, and is not done yet, keeps nothing that a start needs. (umlctl start
        runs one itself when a start has failed, for the sake of its reason.)"""
        self.world.guest(fake="boot,ready", Network={"Forward": "tcp/8080:80", "Proxy": "tcp/8081:81"})
        self.assertEqual(self.daemon().wait_ready().stop(), DONE)  # a check does not make that lock
        trace = self.world.dir / "check.strace"
        lock = self.world.runtime_dir / ".shared/lock"  # is tried for after the disks
        check = subprocess.Popen(self.world.command(
            "host", "strace", "-qq", "-o", trace, "-P", lock, "-e", "trace=flock", "-e", "inject=flock:delay_enter=60000000",
            self.world.program("daemon/umld"), "--check", "web"),
            stdout=subprocess.DEVNULL, env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"})
        self.addCleanup(check.wait)
        self.addCleanup(check.kill)
        wait_until(lambda: trace.exists() and "flock(" in trace.read_text(), 20, "the check behind its disks")
        self.assertIsNone(check.poll())
        umld = self.daemon().wait_ready()
        self.assertIsNone(check.poll())
        self.assertEqual(umld.stop(), DONE)

    def test_stranger_in_between(self):
        """Who takes it while no umld is there keeps it: the next one waits its turn, and says whose it is."""
        self.world.guest(fake="lock,boot,ready", Supervise={"Restart": "no"})
        self.daemon().wait_ready().kill()
        wait_until(lambda: not self.world.processes(), 5, "an end of all processes")
        with open(self.world.image(), "r+b") as f:
            fcntl.lockf(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
            umld = self.daemon()
            self.assertEqual(umld.wait(), FAILED)
            self.assertIn(f"pid {os.getpid()}", umld.log)
            self.assertNotIn("-> booting", umld.log)
        self.assertEqual(self.daemon().wait_ready().stop(), DONE)


if __name__ == "__main__":
    main()

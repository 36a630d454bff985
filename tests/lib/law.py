# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tests of the law of the event loop share: locks that are held, a disk and others that are slow, and what umld
must do all the same."""

import contextlib
import fcntl
import os
import signal
import time

from umldtest import BUILD, PATIENCE, TestCase, wait_until

STATUS_LIMIT = 0.2  # seconds, for umlctl status on a quiet machine
RESTART_LIMIT = 3  # from a kill to the next running guest
WATCHDOG = 2


@contextlib.contextmanager
def held(path):
    """The lock of that file, by this process."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT if not os.path.isdir(path) else os.O_RDONLY, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


class LawTest(TestCase):
    def configure(self, backend=None, forward="tcp/8080:80", **sections):
        network = {"Forward": forward, **({"Backend": backend} if backend else {})}
        self.world.guest(fake="boot,ready", Network={**network, **sections.pop("Network", {})}, **sections)

    def start(self, env=None, **options):
        self.configure(**options)
        return self.daemon(watchdog=WATCHDOG, env=env).wait_ready()

    def slow_host(self, also=None):
        """The environment with a disk, a name service and nf_tables that do nothing while the file self.slow exists;
        also: "access" or "mount", of tests/lib/slow-host.c."""
        self.world.program("daemon/umld")  # and all else that is beside it
        self.slow = self.world.dir / "slow"
        return {"LD_PRELOAD": str(self.world.install(BUILD / "tests/lib/slow-host.so", self.world.programs / "slow-host.so")),
                **({"SLOW_ALSO": also} if also else {}), "SLOW_HOST": str(self.slow), "ASAN_OPTIONS": "verify_asan_link_order=0"}

    def took(self, *arguments):
        """How long that took umlctl, at best of three: the machine may be busy with something else."""
        best = None
        for _ in range(3):
            began = time.monotonic()
            p = self.world.umlctl(*arguments)
            took = time.monotonic() - began
            best = took if best is None else min(best, took)
        return p, best

    def assert_responds(self, umld, waiting_for=None):
        p, took = self.took("status", umld.name, "--json")
        self.assertIsNotNone(p.json, p.stderr)
        self.assertNotEqual(p.json["state"], "unknown", p.stderr)
        self.assertLess(took, STATUS_LIMIT * PATIENCE + 2 * self.undisturbed())
        if waiting_for:
            wait_until(lambda: waiting_for in (umld.status()["waiting_for"] or ""), 5, f"waiting for {waiting_for}")

    def undisturbed(self):
        """What umlctl takes where no umld is asked: the part of its time that is the machine's."""
        return self.took("--version")[1]

    def assert_fed(self, umld):
        """The watchdog is fed while this lasts."""
        before = len(umld.said("WATCHDOG", "1"))
        wait_until(lambda: len(umld.said("WATCHDOG", "1")) > before, WATCHDOG * 2, "the watchdog")

    def assert_stopping(self, umld, waiting_for):
        """A stop that takes its time says so: to whoever asks, and to the service manager."""
        umld.signal(signal.SIGTERM)
        self.assert_responds(umld, waiting_for)
        self.assertEqual(umld.status()["state"], "stopping")
        self.assert_fed(umld)
        wait_until(lambda: umld.said("EXTEND_TIMEOUT_USEC", "15000000"), 5, "more time for the stop")
        self.assertIsNone(umld.process.poll())

    def assert_one_restart(self, umld):
        limit = RESTART_LIMIT * PATIENCE + 10 * self.undisturbed()
        booted = umld.statuses().count("booting")
        since, began = len(umld.messages), time.monotonic()
        os.kill(umld.guest_pid(), signal.SIGKILL)
        umld.wait_state("running", since=since)
        self.assertLess(time.monotonic() - began, limit)
        return booted + 1

    def assert_no_more(self, umld, booted):
        time.sleep(1)
        self.assertEqual(umld.statuses().count("booting"), booted)
        self.assertEqual(umld.status()["state"], "running")

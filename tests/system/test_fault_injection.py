#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""One system call of umld fails: it ends in a guest or in a clear error, and the host is as it was. Or a signal comes
at that moment.

UMLD_TEST_ALL=1 tries all of them, else as many as there is time for.
"""

import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import injection
from umldtest import DONE, FAILED, USAGE, TestCase, main


class FaultInjection(TestCase):
    timeout = 3600

    def judge(self, umld, before):
        self.assertIn(umld.process.returncode, (DONE, FAILED, USAGE))
        if not injection.runs(umld, 1):
            self.assertNotEqual(umld.process.returncode, DONE)
            self.assertIn("error: ", umld.log)
        if "cannot be locked" in umld.log:  # then nothing there is its own to remove, the lock's file neither
            return
        difference = before.difference(self.world.snapshot())
        if difference:  # where the undoing itself has failed it says so, and the next one does it
            self.assertIn("warning: ", umld.log, difference)

    def inject(self, calls):
        self.world.guest(fake="boot,ready", **injection.GUEST)
        before = self.world.snapshot()
        points = injection.record(self.world, calls)
        met = 0
        for point in injection.in_time(points, lambda: met):
            with self.subTest(point=point):
                try:
                    umld = injection.run_to(self.world, point, f"error={calls[point.call]}")
                    met += umld.met
                    self.judge(umld, before)
                except AssertionError:
                    print(f"# {point}\n# " + self.world.daemons[-1].log.replace("\n", "\n# "), flush=True)
                    raise
                finally:
                    injection.next_start(self, before)
        print(f"# {met} of them met", flush=True)
        self.assertGreaterEqual(met, injection.LEAST)

    def judge_signal(self, umld, point, number):
        # Before it is umld's; by then nothing is done.
        early = umld.process.returncode == -number
        if early:
            self.assertNotIn("preparing", umld.log)
        else:
            self.assertEqual(umld.process.returncode, DONE)
        if number == signal.SIGTERM:
            self.assertNotIn("-> preparing", umld.log.partition("received signal 15")[2])
        elif not early:
            self.assertGreaterEqual(umld.log.count("-> running"), 1 if point.phase == "start" else 2)

    def signals(self, number):
        self.world.guest(fake="boot,ready", **injection.GUEST)
        before = self.world.snapshot()
        points = injection.record(self.world, injection.CHANGES)
        met = 0
        for point in injection.in_time(points, lambda: met):
            with self.subTest(point=point):
                umld = injection.run_to(self.world, point, f"signal={int(number)}", number == signal.SIGTERM)
                met += umld.met
                try:
                    self.judge_signal(umld, point, number)
                    self.assert_same_host(before)
                except AssertionError:
                    print(f"# {point}\n# " + umld.log.replace("\n", "\n# "), flush=True)
                    raise
        print(f"# {met} of them met", flush=True)
        self.assertGreaterEqual(met, injection.LEAST)

    def test_stop_at_any_time(self):
        """systemd's order to stop is never lost, in whatever state it comes."""
        self.signals(signal.SIGTERM)

    def test_reload_at_any_time(self):
        self.signals(signal.SIGHUP)

    def test_changes(self):
        self.inject(injection.CHANGES)

    def test_looks(self):
        self.inject(injection.LOOKS)

    def test_interrupted(self):
        self.inject(injection.INTERRUPTED)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""umld killed before each of its system calls that change the host: the next one heals.

UMLD_TEST_ALL=1 tries all of them, else as many as there is time for.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import injection
from umldtest import TestCase, main


class KillMatrix(TestCase):
    timeout = 3600

    def matrix(self, phase):
        self.world.guest(fake="boot,ready", **injection.GUEST)
        before = self.world.snapshot()
        fresh = injection.next_start(self, before)
        points = [p for p in injection.record(self.world, injection.CHANGES) if p.phase == phase]
        self.assertGreater(len(points), 20)
        killed = 0
        for point in injection.in_time(points, lambda: killed):
            with self.subTest(point=point):
                umld = injection.run_to(self.world, point, "signal=KILL")
                killed += umld.process.returncode == -9
                self.assertEqual(injection.next_start(self, before), fresh)
        print(f"# {killed} of them met", flush=True)
        self.assertGreaterEqual(killed, injection.LEAST)

    def test_start(self):
        self.matrix("start")

    def test_restart(self):
        self.matrix("restart")

    def test_stop(self):
        self.matrix("stop")


if __name__ == "__main__":
    main()

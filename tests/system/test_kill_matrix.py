#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""umld killed before each of its system calls that change the host: the next one heals, and adopts the guest if there is one.

UMLD_TEST_ALL=1 tries all of them, else as many as there is time for.
"""

import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import injection
from umldtest import DONE, Daemon, TestCase, main


class KillMatrix(TestCase):
    timeout = 3600

    def configure(self, patience):
        supervise = {**injection.GUEST["Supervise"], "AdoptTimeout": patience}
        self.world.guest(fake="boot,ready", **{**injection.GUEST, "Supervise": supervise})

    def kernels(self):
        return [pid for pid, line in self.world.processes().items() if re.match(r"\S*/fake-guest mem=", line)]

    def goes_on(self, umld):
        """false: it ends what the one before was ending, perhaps after it has said that it is ready."""
        try:
            umld.wait_ready(30)
            return umld.status()["state"] not in ("stopping", "stopped")
        except AssertionError:
            return False

    def next_adopts(self, before):
        """Or ends what the one before was ending, or cleans up and starts a guest; there are never two kernels."""
        orphans = self.kernels()
        self.assertLessEqual(len(orphans), 1)
        umld = Daemon(self.world)
        if not self.goes_on(umld):
            self.assertEqual((umld.wait(), self.kernels()), (DONE, []), umld.log)
            umld = Daemon(self.world).wait_ready()
        self.assertEqual(self.kernels(), [umld.guest_pid()])
        self.assertEqual(umld.stop(), DONE)
        self.assert_same_host(before)
        return bool(umld.log.count("adopting it"))

    def matrix(self, phase):
        """Every other time the guest ends with its umld."""
        self.configure("0")
        before = self.world.snapshot()
        fresh = injection.next_start(self, before)
        points = [p for p in injection.record(self.world, injection.CHANGES) if p.phase == phase]
        self.assertGreater(len(points), 20)
        killed = adopted = 0
        for i, point in enumerate(injection.in_time(points, lambda: killed)):
            with self.subTest(point=point, adopted=i % 2):
                self.configure("60s" if i % 2 else "0")
                umld = injection.run_to(self.world, point, "signal=KILL", leaves=i % 2)
                killed += umld.process.returncode == -9
                if i % 2:
                    adopted += self.next_adopts(before)
                else:
                    self.assertEqual(injection.next_start(self, before), fresh)
        print(f"# {killed} of them met, {adopted} guests adopted", flush=True)
        self.assertGreaterEqual(killed, injection.LEAST)

    def test_start(self):
        self.matrix("start")

    def test_restart(self):
        self.matrix("restart")

    def test_stop(self):
        self.matrix("stop")


if __name__ == "__main__":
    main()

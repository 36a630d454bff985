#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What a guest wrote becomes durable on the host: in time, at its end, after its death, and not for nothing."""

import os
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from umldtest import DONE, TestCase, main, wait_until  # noqa: E402

ROUND = "syncing the guest's disks"


class DiskSyncTest(TestCase):
    def start(self, fake="boot,ready", **guest):
        self.world.guest(fake=fake, Guest=guest)
        return self.daemon(arguments=["--debug"]).wait_ready()

    def write(self):
        """As the guest does, which has the file open already."""
        with open(self.world.image(), "r+b") as image:
            image.write(b"x")

    def rounds(self, umld):
        return umld.log.count(ROUND)

    def settle(self, umld):
        """Until all that is known to be written is durable."""
        def quiet():
            before = self.rounds(umld)
            time.sleep(0.5)
            return before > 0 and self.rounds(umld) == before
        wait_until(quiet, what="rest")

    def test_in_time(self):
        umld = self.start(DiskSync="100ms")
        self.settle(umld)
        before = self.rounds(umld)
        self.write()
        wrote = time.time()
        wait_until(lambda: self.rounds(umld) > before, 5, "a round after a write")
        wait_until(lambda: (umld.status()["disks"]["synced"] or 0) >= wrote, 5, "the word of it")
        self.assertIn("synced", self.world.umlctl("status", "web").stdout)
        umld.stop()

    def test_nothing_written(self):
        umld = self.start(DiskSync="100ms")
        self.settle(umld)
        before, synced = self.rounds(umld), umld.status()["disks"]["synced"]
        time.sleep(1)
        self.assertEqual(self.rounds(umld), before)
        self.assertGreater(umld.status()["disks"]["synced"], synced)
        umld.stop()

    def test_off_until_the_end(self):
        umld = self.start(DiskSync="0")
        self.write()
        time.sleep(0.5)
        self.assertEqual(self.rounds(umld), 0)
        self.assertIsNone(umld.status()["disks"]["synced"])
        self.assertEqual(umld.stop(), DONE)
        self.assertEqual(self.rounds(umld), 1)

    def test_after_a_death(self):
        umld = self.start(DiskSync="0")
        since = len(umld.messages)
        self.write()
        os.kill(umld.guest_pid(), signal.SIGKILL)
        umld.wait_state("running", since=since)
        wait_until(lambda: self.rounds(umld) == 1, what="a round after the death")
        umld.stop()

    def test_reload(self):
        umld = self.start(DiskSync="0")
        self.world.guest(fake="boot,ready", Guest={"DiskSync": "100ms"})
        self.assertEqual(self.world.umlctl("reload", "web").returncode, DONE)
        self.write()
        wait_until(lambda: self.rounds(umld) > 0, 5, "a round after the reload")
        umld.stop()


if __name__ == "__main__":
    main()

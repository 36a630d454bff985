#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The host's file system fills up below a guest: a warning, a freeze in time, and on it goes when there is room."""

import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from umldtest import DONE, MAKE_GUEST, TestCase, main, test_kernels, wait_until  # noqa: E402

SIZE = 100  # MiB of the file system


class SpaceTest(TestCase):
    shm = "256M"

    def mount(self):
        """A file system of its own, seen by the host of the world alone."""
        self.directory = self.world.dir / "small"
        self.directory.mkdir()
        self.world.host("mount", "-t", "tmpfs", "-o", f"size={SIZE}M,mode=755", "none", self.directory)
        self.addCleanup(self.world.run, "host", "umount", "-l", self.directory)
        return self.directory / "disk.img"

    def fill(self, leave):
        """Lets that many MiB be free, and at no moment more: umld may look at any."""
        self.world.host("sh", "-ec", f"cd {self.directory}; touch filler; "
                                     f"size=$(($(stat -c '%s' filler) + $(stat -f -c '%a' .) * 4096 - ({leave} << 20))); "
                                     "truncate -s \"<$size\" filler; fallocate -l $size filler")

    def wait_health(self, umld, state):
        wait_until(lambda: umld.status()["health"]["state"] == state, 10, f"health {state}", 0.05)

    def wait_condition(self, umld, state):
        """Its sentence once the condition is in that state, and its remedy."""
        def condition():
            c, = (c for c in umld.status()["conditions"] if c["name"] == "disk-space")
            return c if c["state"] == state else None
        c = wait_until(condition, 10, f"disk-space {state}", 0.05)
        return c["text"], c["remedy"]

    def console(self):
        return (self.world.log_dir / "web/console.log").read_text(errors="replace")


class Fake(SpaceTest):
    def make_image(self, size):
        """Sparse, and with the mark of a file system (umldtest.FAKE_IMAGE)."""
        image = self.mount()
        self.world.host("sh", "-c", f"printf '\\123\\357' | dd of={image} bs=1 seek=1080 status=none;"
                                    f"truncate -s {size} {image}")
        return image

    def start(self):
        image = self.make_image("1G")
        self.world.guest(fake="boot,ready", Guest={"Disk": f"{image},adopt"})
        return self.daemon().wait_ready()

    def test_warn_freeze_thaw(self):
        umld = self.start()
        self.wait_health(umld, "good")
        self.assertNotIn("free some space", umld.log)
        self.fill(leave=15)
        wait_until(lambda: "free some space, because a guest is frozen" in umld.log, what="a warning")
        self.assertEqual(umld.status()["health"]["state"], "good")
        text, remedy = self.wait_condition(umld, "warning")
        self.assertRegex(text, r"^the file system of the guest's disks has only 1[45]M left, and they may grow by 10\d\dM$")
        self.assertEqual(remedy, "free some space on it")
        self.assertIn(f"{text}; {remedy}", self.world.umlctl("status", "web").stdout)
        self.fill(leave=3)
        self.wait_health(umld, "frozen")
        self.assertIn("has only 3M left", self.wait_condition(umld, "broken")[0])
        wait_until(lambda: "Z stopped\n" in self.console(), what="the guest's stop")
        self.fill(leave=9)  # not enough to go on
        time.sleep(1.5)
        self.assertEqual(umld.status()["health"]["state"], "frozen")
        self.fill(leave=50)
        self.wait_health(umld, "good")
        wait_until(lambda: "Z goes on\n" in self.console(), what="the guest going on")
        self.assertEqual(self.wait_condition(umld, "ok"), ("", ""))
        self.assertEqual(umld.log.count("has been frozen, so that"), 1)
        self.assertNotIn("free some space on it", umld.log)  # in words of their own alone
        self.assertEqual(umld.status()["restarts"], 0)
        umld.stop()

    def test_stop_while_frozen(self):
        umld = self.start()
        self.fill(leave=3)
        self.wait_health(umld, "frozen")
        self.assertEqual(umld.stop(), DONE)
        self.assertIn("Z goes on\n", self.console())
        self.assertIn("cleanly", umld.said("STATUS")[-1])

    def test_image_that_cannot_grow(self):
        """What is allocated already may be written to, however full it is around."""
        image = self.make_image("20M")
        self.world.host("fallocate", "-l", "20M", image)
        self.world.guest(fake="boot,ready", Guest={"Disk": f"{image},adopt"})
        umld = self.daemon().wait_ready()
        self.fill(leave=1)
        time.sleep(6)
        self.assertEqual(umld.status()["health"]["state"], "good")
        self.assertNotIn("free some space", umld.log)
        umld.stop()


class Real(SpaceTest):
    def test_real_kernel(self):
        """Frozen it computes nothing; nothing is lost when it goes on."""
        image, made = self.mount(), self.world.dir / "guest.img"
        subprocess.run([MAKE_GUEST, made], check=True, timeout=60)
        self.world.host("cp", "--sparse=always", made, image)
        self.world.guest(kernel=test_kernels()[-1], Guest={"Disk": f"{image},adopt"},
                         Network={"Forward": "tcp/8080:80"})
        umld = self.daemon().wait_ready(60)
        page = self.world.fetch_when_served()
        self.fill(leave=3)
        self.wait_health(umld, "frozen")
        with self.assertRaises(OSError):
            self.world.fetch(timeout=1)
        self.fill(leave=60)
        self.wait_health(umld, "good")
        self.assertEqual(self.world.fetch_when_served().split("boot")[1][:38], page.split("boot")[1][:38])
        self.assertEqual((umld.status()["restarts"], umld.stop(40)), (0, DONE))


if __name__ == "__main__":
    main()

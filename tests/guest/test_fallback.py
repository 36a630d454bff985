#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A guest that does not come up gets its fallback: another kernel, more arguments."""

import os
import signal
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from umldtest import DEBIAN_KERNEL, DONE, FAILED, MAKE_GUEST, TestCase, main, test_kernels, wait_until  # noqa: E402

QUICK = {"StartTimeout": "20s", "StopTimeout": "4s", "RestartDelayMax": "100ms"}


class FallbackTest(TestCase):
    def wait_fallback(self, umld, timeout=30):
        """Until it runs in the fallback; its status."""
        wait_until(lambda: (s := umld.status())["state"] == "running" and s["profile"] == "fallback", timeout,
                   "a guest in its fallback", 0.05)
        return umld.status()

    def wait_normal(self, umld):
        wait_until(lambda: (s := umld.status())["state"] in ("running", "booting", "backoff") and s["profile"] == "normal",
                   30, "a guest in its normal profile", 0.05)
        self.assertIsNone(umld.status()["fallback"])


class Fake(FallbackTest):
    def start(self, fake="say:normal,panic:no_root", fallback="fake=boot,ready", supervise=None, **options):
        keys = {"Append": fallback, **options}
        self.world.guest(fake=fake, Supervise={**QUICK, **(supervise or {})}, Fallback=keys)
        return self.daemon()

    def test_arguments(self):
        umld = self.start()
        status = self.wait_fallback(umld)
        self.assertEqual(status["restarts"], 3)
        self.assertEqual(status["fallback"], "3 failed boots in a row, the last: panic: no root")
        self.assertRegex(status["status"], "^fallback: booted after ")
        self.assertIn("Fallback: in use after 3 failed boots", self.world.umlctl("status", "web").stdout)
        self.assertIn("switching to the fallback", umld.log)
        os.kill(umld.guest_pid(), signal.SIGKILL)  # no reason to go back
        wait_until(lambda: umld.status()["restarts"] == 4, 10)
        self.wait_fallback(umld)
        self.assertEqual(umld.stop(), DONE)

    def test_ready_and_dead_at_once(self):
        """With Ready=boot a guest counts as ready before it has a root."""
        umld = self.start("boot,wait:50,panic:no_root", After=2)
        self.assertEqual(self.wait_fallback(umld)["restarts"], 2)
        umld.stop()

    def test_back_by_order(self):
        umld = self.start(After=1)
        self.wait_fallback(umld)
        since = len(umld.messages)
        self.world.umlctl("restart", "web")
        umld.wait_message(lambda f: "panic: no root" in f.get("STATUS", ""), 20, "a try with the normal profile", since)
        self.assertIn("back to the normal profile", umld.log)
        self.wait_fallback(umld)  # which fails as before
        umld.stop()

    def test_back_by_reload(self):
        umld = self.start(After=1)
        self.wait_fallback(umld)
        self.world.guest(fake="boot,ready", Supervise=QUICK, Fallback={"Append": "fake=boot,ready", "After": 1})
        self.assertEqual(self.world.umlctl("reload", "web").returncode, DONE)
        self.assertEqual(umld.status()["profile"], "fallback")  # as long as it runs
        self.assertIn("at the guest's next start: Append", umld.log)
        os.kill(umld.guest_pid(), signal.SIGKILL)
        self.wait_normal(umld)
        umld.stop()

    def test_back_by_reboot(self):
        """An administrator who has repaired the guest reboots it."""
        umld = self.start(fallback="fake=boot,ready,wait:1500,reboot", After=1)
        self.wait_fallback(umld)
        umld.wait_message(lambda f: "reboot" in f.get("STATUS", ""), 20, "its reboot")
        wait_until(lambda: "back to the normal profile" in umld.log)
        umld.stop()

    def test_other_kernel(self):
        """One that cannot run needs no second try; without another it fails as ever."""
        broken = self.world.dir / "broken"
        broken.write_text("no kernel")
        broken.chmod(0o755)
        fake = self.world.program("tests/guest/fake-guest")
        self.world.guest(Guest={"Kernel": broken, "Memory": "32M"}, Supervise=QUICK, Fallback={"Kernel": fake})
        umld = self.daemon().wait_ready()
        status = self.wait_fallback(umld)
        self.assertEqual(status["kernel"]["path"], str(fake))
        self.assertRegex(status["fallback"], "^1 failed boot in a row, the last: kernel: ")
        self.assertEqual(umld.stop(), DONE)
        self.world.guest(Guest={"Kernel": broken, "Memory": "32M"}, Supervise=QUICK, Fallback={"Append": "single"})
        self.assertEqual(self.daemon().wait(), FAILED)

    def test_none(self):
        self.world.guest(fake="panic:no_root", Supervise=QUICK)
        umld = self.daemon()
        wait_until(lambda: umld.statuses().count("backoff") > 5, 20)
        self.assertEqual(umld.status()["profile"], "normal")
        umld.stop()

    def test_check(self):
        self.world.guest(fake="boot", Supervise=QUICK, Fallback={"Append": "single", "After": 5})
        plan = self.world.check("web").stdout
        self.assertRegex(plan, r"fallback +after 5 failed boots: \S*fake-guest fake=boot single\n")


class Real(FallbackTest):
    shm = "256M"

    def test_no_root(self):
        """A root that is not there, with Debian's kernel; the fallback has it, and another kernel where there is one."""
        image = self.world.dir / "guest.img"
        subprocess.run([MAKE_GUEST, image], check=True, timeout=60)
        kernels = [k for k in test_kernels() if k != DEBIAN_KERNEL]
        fallback = {"Append": "root=/dev/ubda", "After": 2}
        if kernels:
            fallback["Kernel"] = self.world.kernel(kernels[0])
        self.world.guest(kernel=DEBIAN_KERNEL, image=image, Guest={"Append": "root=/dev/ubdh"}, Supervise=QUICK,
                         Network={"Forward": "tcp/8080:80"}, Fallback=fallback)
        umld = self.daemon()
        status = self.wait_fallback(umld, 60)
        self.assertRegex(status["fallback"], "^2 failed boots in a row, the last: disk: .*Unable to mount root")
        self.assertEqual(status["kernel"]["path"], str(fallback.get("Kernel", self.world.kernel(DEBIAN_KERNEL))))
        self.world.fetch_when_served()
        self.assertEqual(umld.stop(40), DONE)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A stop of real kernels, whatever their init makes of it; and what it leaves on the disk."""

import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from spin import make_spin  # noqa: E402
from umldtest import BUILTIN, DONE, MAKE_GUEST, PATIENCE, TestCase, clean_file_system, main, test_kernels  # noqa: E402

LIMIT = 8  # StopTimeout

INITTAB = (BUILTIN / "etc/inittab").read_text()
CAD = "::ctrlaltdel:/etc/init.d/rcK\n"


class Stops(TestCase):
    shm = "256M"

    def stop(self, kernel, on_cad=CAD, spin=False, append=""):
        """Stops a guest that answers ctrl-alt-del by that line of its inittab, in the midst of writing. How it
        ended, and how long that took."""
        overlay = self.world.dir / "overlay"
        (overlay / "etc").mkdir(parents=True)
        self.assertIn(CAD, INITTAB)
        writer = "::respawn:/bin/sh -c 'n=0; while :; do n=$((n+1)); echo $n >/root/file$((n%50)); done'\n"
        (overlay / "etc/inittab").write_text(INITTAB.replace(CAD, on_cad) + writer)
        reboot = (BUILTIN / "etc/init.d/rcK").read_text().replace("how=poweroff\n", "how=reboot\n")
        (overlay / "etc/reboot").write_text(reboot)
        (overlay / "etc/reboot").chmod(0o755)
        image = self.world.dir / "guest.img"
        subprocess.run([MAKE_GUEST, "--overlay", overlay, image], check=True, timeout=60, stdout=subprocess.DEVNULL)
        self.world.guest(kernel=kernel, image=image, Guest={"Append": append} if append else {},
                         Supervise={"Ready": "guest", "StopTimeout": f"{LIMIT}s"})
        before = self.world.snapshot()
        umld = self.daemon().wait_ready(60)
        time.sleep(1)
        if spin:
            make_spin(umld.guest_pid())
        began = time.monotonic()
        self.assertEqual(umld.stop(LIMIT + 5), DONE)
        taken = time.monotonic() - began
        self.assertEqual(umld.statuses().count("booting"), 1, "a stop is no restart")
        self.assert_same_host(before)
        return umld.said("STATUS")[-1], taken

    def check_clean(self, kernel, on_cad, way, **options):
        end, taken = self.stop(kernel, on_cad, **options)
        self.assertEqual(end, f"stopped: stopped: shut down cleanly by {way}")
        self.assertEqual(clean_file_system(self.world.image()), "")
        return taken

    def check_powers_off(self, kernel):
        self.assertLess(self.check_clean(kernel, CAD, "ctrl-alt-del"), LIMIT / 2 * PATIENCE)

    def check_reboots(self, kernel):
        """Under noreboot, and as the end of this stop."""
        self.check_clean(kernel, "::ctrlaltdel:/etc/reboot\n", "ctrl-alt-del")

    def check_ignores_ctrl_alt_del(self, kernel):
        self.assertGreater(self.check_clean(kernel, "", "sysrq o"), LIMIT / 4)

    def check_says_nothing_about_it(self, kernel):
        """The kernel's word that all is on the disk does not come: it gets time for it all the same."""
        self.check_clean(kernel, "", "sysrq o", append="quiet")

    def check_hangs_in_shutdown(self, kernel):
        self.check_clean(kernel, "::ctrlaltdel:/bin/sleep 1000\n", "sysrq o")

    def check_wedged_in_the_kernel(self, kernel):
        """Nobody there can help: a power cut, in time, and what the journal repairs."""
        end, taken = self.stop(kernel, spin=True)
        self.assertRegex(end, r"^stopped: stopped: power cut by SIG(TERM|KILL)$")
        self.assertLess(taken, LIMIT + 2 * PATIENCE)
        image = self.world.image()
        self.assertIn("needs_recovery", clean_file_system(image))
        p = subprocess.run(["/sbin/e2fsck", "-p", image], stdout=subprocess.PIPE, encoding="utf-8", timeout=60)
        self.assertIn(p.returncode, (0, 1), p.stdout)
        self.assertEqual(clean_file_system(image), "")


def add_kernels():
    for kernel in test_kernels():
        name = "".join(c if c.isalnum() else "_" for c in kernel.name)
        for check in [c for c in dir(Stops) if c.startswith("check_") and c != "check_clean"]:
            setattr(Stops, f"test_{check[6:]}_{name}", lambda self, k=kernel, c=check: getattr(self, c)(k))


add_kernels()


if __name__ == "__main__":
    main()

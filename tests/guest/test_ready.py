#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Ready=boot means that init runs: real kernels that die after their notification were never running."""

import re
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from umldtest import DONE, FAKE_IMAGE, MAKE_GUEST, NOT_RUNNING, TestCase, main, test_kernels, wait_until  # noqa: E402


class Ready(TestCase):
    def setUp(self):
        super().setUp()
        self.base = self.world.dir / "base.img"
        subprocess.run([MAKE_GUEST, self.base], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, timeout=60)

    def configure(self, kernel, append=(), image=None):
        self.world.guest(kernel=kernel, image=image or self.base, Guest={"Append": ["random.trust_cpu=on", *append]},
                         Supervise={"Restart": "no"})

    def test_dies(self):
        """No usable file system, no init, no root, and the same with a silent console."""
        broken = self.world.dir / "broken.img"
        broken.write_bytes(FAKE_IMAGE)
        faults = {
            "file system": ([], broken), "no init": (["init=/none"], None), "no root": (["root=/dev/ubdf"], None),
            "silent, file system": (["quiet"], broken), "silent, no init": (["quiet", "init=/none"], None),
        }
        for kernel in test_kernels():
            for what, (append, image) in faults.items():
                with self.subTest(kernel=kernel.name, what=what):
                    self.configure(kernel, append, image)
                    # Where the host's disk takes longer than the moment that init must live, a kernel that looks for
                    # its init counts as running; on a busy machine that is most starts.
                    self.assertTrue(any("-> running" not in self.failed_start() for _ in range(30)))

    def failed_start(self):
        """The log of a start that comes to a panic, whatever umlctl says of it."""
        self.world.umlctl("start", "web")
        path = self.world.log_dir / "web/umld.log"
        log = wait_until(lambda: "-> failed" in path.read_text(errors="replace") and path.read_text(errors="replace"), 20,
                         "the end of the guest")
        wait_until(lambda: self.world.umlctl("status", "web").returncode == NOT_RUNNING, 20, "the end of umld")
        self.assertIn("panic", log[-1000:])
        path.unlink()
        return log

    def test_lives(self):
        """Also with a silent console."""
        for kernel in test_kernels():
            for append in ([], ["quiet"]):
                with self.subTest(kernel=kernel.name, append=append):
                    self.configure(kernel, append)
                    umld = self.daemon().wait_ready()
                    booted = re.search(r"booting -> running: booted after (\d+)(ms|s)", umld.log)
                    self.assertTrue(booted and (booted[2] == "ms" or int(booted[1]) < 8), umld.log)
                    self.assertEqual(umld.stop(), DONE)


if __name__ == "__main__":
    main()

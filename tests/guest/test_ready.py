#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Ready=boot means that init runs: real kernels that die after their notification were never running."""

import re
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from umldtest import DONE, FAILED, FAKE_IMAGE, MAKE_GUEST, TestCase, main, test_kernels  # noqa: E402


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
                    p = self.world.umlctl("start", "web")
                    self.assertEqual(p.returncode, FAILED, p.stdout + p.stderr)
                    log = (self.world.log_dir / "web/umld.log").read_text(errors="replace")
                    self.assertFalse("-> running" in log, log[-1000:])
                    self.assertIn("panic", log[-1000:])
                    (self.world.log_dir / "web/umld.log").unlink()

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

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Guests that are exported as they run, with real kernels: they stand still for a moment, and go on."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from ext4 import Image
from umldtest import DONE, MAKE_GUEST, NOT_RUNNING, SOURCE, TestCase, clean_file_system, each_kernel, main, wait_until

PORT = 8080


class Moves(TestCase):
    """The tests; add_kernels() makes one class of it for each kernel."""

    kernel = None

    def setUp(self):
        super().setUp()
        self.scratch = Path(tempfile.mkdtemp(prefix="umld-moves.", dir="/var/tmp"))
        self.addCleanup(shutil.rmtree, self.scratch)
        image = self.scratch / "guest.img"
        subprocess.run([MAKE_GUEST, "--overlay", SOURCE / "tests/guest/overlay", image], check=True, timeout=60)
        self.world.guest("web", kernel=self.kernel, image=image, Supervise={"Ready": "guest"},
                         Network={"Forward": f"tcp/{PORT}:80"})
        self.umld = self.daemon().wait_ready(60)
        self.file = self.scratch / "web.export"

    def order(self, command):
        with contextlib.suppress(OSError):
            return self.world.fetch(PORT, "/cgi-bin/do?" + command.replace(" ", "+"), timeout=2)
        return ""

    def words(self, *options):
        return f"exec {self.world.program('umlctl/umlctl')} export web {' '.join(options)} >{self.file}"

    def stopped_kernel(self):
        """Does the guest stand still?"""
        with contextlib.suppress(OSError):
            self.world.fetch(PORT, "/", timeout=0.7)
            return False
        return True

    def test_live(self):
        before = self.world.fetch(PORT, "/")
        self.order("touch /root/kept")
        p = self.world.run("host", "sh", "-c", self.words("--live"))
        self.assertEqual(p.returncode, DONE, p.stderr)
        self.assertRegex(p.stderr, r"web: was frozen for \d+ ms\n")
        self.assertEqual(self.world.fetch(PORT, "/"), before)  # the same boot
        status = self.umld.status()
        self.assertEqual((status["state"], status["restarts"]), ("running", 0))
        p = self.world.umlctl("import", str(self.file), "--name=two")
        self.assertEqual(p.returncode, DONE, p.stderr)
        image = self.world.state_dir / "two/root.img"
        subprocess.run(["/sbin/e2fsck", "-p", image], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, timeout=60, check=False)
        self.assertEqual(clean_file_system(image), "")
        self.assertTrue(Image(image).exists("/root/kept"))
        self.assertEqual(self.umld.stop(40), DONE)
        p = self.world.run("host", "sh", "-c", self.words("--live"))
        self.assertEqual(p.returncode, NOT_RUNNING, p.stderr)

    def test_not_live(self):
        p = self.world.run("host", "sh", "-c", self.words())
        self.assertIn("web is running; stop it first, or export it with --live", p.stderr)
        self.assertEqual(self.file.read_bytes(), b"")
        self.assertEqual(self.umld.stop(40), DONE)
        p = self.world.run("host", "sh", "-c", self.words())
        self.assertEqual(p.returncode, DONE, p.stderr)

    def test_disturbed(self):
        """A guest that is woken during the copy is not exported."""
        tools = self.scratch / "bin"
        tools.mkdir()
        (tools / "cp").write_text(f"#!/bin/sh\n{self.world.program('umlctl/umlctl')} mconsole web go || exit\nexec /bin/cp \"$@\"\n",
                                  encoding="utf-8")
        (tools / "cp").chmod(0o755)
        p = self.world.run("host", "sh", "-c", f"PATH={tools}:$PATH; {self.words('--live')}", check=False)
        self.assertNotEqual(p.returncode, DONE)
        self.assertIn("did not stay frozen while its images were copied", p.stderr)
        self.assertEqual(self.umld.stop(40), DONE)

    def test_killed(self):
        """Whoever dies while the guest stands still does not leave it so."""
        tools = self.scratch / "bin"
        tools.mkdir()
        (tools / "cp").write_text(f"#!/bin/sh\n: >{self.scratch}/copying\nexec sleep 100\n", encoding="utf-8")
        (tools / "cp").chmod(0o755)
        for what in (signal.SIGKILL, signal.SIGINT):
            with self.subTest(what):
                child = subprocess.Popen(self.world.command("host", "sh", "-c", f"echo $$ >{self.scratch}/pid; {self.words('--live')}"),
                                         env={**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"}, stdin=subprocess.DEVNULL,
                                         stderr=subprocess.PIPE, encoding="utf-8")
                wait_until((self.scratch / "copying").exists, 30, "the copy begins")
                self.assertTrue(self.stopped_kernel())
                begin = time.monotonic()
                os.kill(int((self.scratch / "pid").read_text(encoding="utf-8")), what)
                child.communicate(timeout=30)
                self.world.fetch_when_served(PORT, 20)
                self.assertLess(time.monotonic() - begin, 15)
                (self.scratch / "copying").unlink()
        status = self.umld.status()
        self.assertEqual((status["state"], status["restarts"]), ("running", 0))
        self.assertEqual(self.umld.stop(40), DONE)
        p = self.world.umlctl("create", "other")  # sweeps what the killed one left
        self.assertEqual(p.returncode, DONE, p.stderr)
        self.assertEqual(list(self.world.state_dir.glob(".web.new-*")), [])


globals().update(each_kernel(Moves, "Moves_"))
del Moves


if __name__ == "__main__":
    sys.exit(main())

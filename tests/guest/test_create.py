#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Guests that umlctl create has made, with each kernel: they boot, serve, end, and leave a file system in order."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from umldtest import ALL_SOURCES, DONE, MAKE_GUEST, SOURCE, TestCase, clean_file_system, each_kernel, main, wait_until

PORT = 8080
SSH_FAILED = 255
IMAGES = SOURCE.parent / "shared/images"


class Created(TestCase):
    """The tests; add_kernels() makes one class of it for each kernel."""

    kernel = None
    sources = None

    @classmethod
    def setUpClass(cls):
        cls.sources = Path(tempfile.mkdtemp(prefix="umld-create.", dir="/var/tmp"))
        cls.addClassCleanup(shutil.rmtree, cls.sources)
        image, tree = cls.sources / "guest.img", cls.sources / "tree"
        subprocess.run([MAKE_GUEST, "--overlay", SOURCE / "tests/guest/overlay", image], check=True, timeout=60)
        tree.mkdir()
        subprocess.run(["/sbin/debugfs", "-R", f"rdump / {tree}", image], check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, timeout=60)
        subprocess.run(["tar", "-C", tree, "-czf", cls.sources / "tree.tar.gz", "."], check=True, timeout=60)

    def create(self, source, *options):
        p = self.world.umlctl("create", "web", *([f"--from={source}"] if source else []), f"--kernel={self.world.kernel(self.kernel)}",
                              "--memory=64M", f"--forward=tcp/{PORT}:80", *options)
        self.assertEqual(p.returncode, DONE, p.stderr)
        image = self.world.state_dir / "web/root.img"
        self.assertEqual(clean_file_system(image), "")
        return image

    def check_served(self, source, *options):
        image = self.create(source, "--size=64M", *(["--set=Ready=guest"] if source else []), *options)
        umld = self.daemon().wait_ready(60)
        self.assertIn("boot", self.world.fetch(PORT, "/"))
        self.assertEqual(umld.stop(60), DONE)
        self.assertEqual(clean_file_system(image), "")
        p = self.world.umlctl("remove", "web", "--force")
        self.assertEqual(p.returncode, DONE, p.stderr)
        self.assertFalse(image.exists())

    def test_builtin_with_everything(self):
        """The default guest with swap space, a password and a script for its first boot."""
        (self.sources / "first").write_text("#!/bin/sh\ngrep -c ubdb /proc/swaps >/root/swaps\nsync\necho first boot done\n", encoding="utf-8")
        p = subprocess.run(self.world.command("host", self.world.program("umlctl/umlctl"), "create", "web", "--swap=8M", "--password-stdin",
                                              f"--firstboot={self.sources}/first", f"--kernel={self.world.kernel(self.kernel)}"),
                           input="secret\n", stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", timeout=60, check=False)
        self.assertEqual(p.returncode, DONE, p.stderr)
        self.assertIn("recipe         builtin", p.stdout)
        umld = self.daemon().wait_ready(60)
        log = self.world.log_dir / "web/console.log"
        wait_until(lambda: "first boot done" in log.read_text(errors="replace"), 20, "the script for the first boot")
        wait_until(lambda: "web login:" in log.read_text(errors="replace"), 20, "a question for the login")
        p = self.world.umlctl("ssh", "web", "true")  # it has no server
        self.assertEqual(p.returncode, SSH_FAILED, p.stderr)
        self.assertIn("Connection refused", p.stderr)
        self.assertEqual(umld.stop(60), DONE)
        image = self.world.image()
        self.assertEqual(clean_file_system(image), "")
        self.assertEqual(subprocess.run(["/sbin/debugfs", "-R", "cat /root/swaps", image], check=True, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, encoding="utf-8").stdout, "1\n")

    def test_archive(self):
        self.check_served(self.sources / "tree.tar.gz")

    def test_directory(self):
        self.check_served(self.sources / "tree")

    def test_built_in(self):
        self.check_served(None)

    def test_image(self):
        """Grown, too: the guest finds the larger file system."""
        self.check_served(self.sources / "guest.img")

    def check_booted(self, name):
        archive = IMAGES / name
        if not archive.exists():
            if os.environ.get("CI"):
                self.fail(f"{archive} is missing")
            self.skipTest(f"no {name} beside the sources (shared/images)")
        image = self.create(archive, "--size=128M")
        umld = self.daemon().wait_ready(60)
        log = self.world.log_dir / "web/console.log"
        wait_until(lambda: b"EXT4-fs (ubda)" in log.read_bytes(), 60, "the root is mounted")
        self.assertEqual(umld.stop(90), DONE)
        self.assertNotIn(b"EXT4-fs error", log.read_bytes())
        # These trees have no service that unmounts the root at a shutdown; its journal is all that is left to do.
        subprocess.run(["/sbin/e2fsck", "-p", image], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, timeout=60, check=True)
        self.assertEqual(clean_file_system(image), "")

    def test_alpine_busybox(self):
        self.check_booted("alpine-minirootfs-3.20.3-x86_64.tar.gz")

    def test_alpine_openrc(self):
        self.check_booted("alpine-3.2.3-openrc-alpine-base.tar.xz")


globals().update(each_kernel(Created, "Created_", whole=ALL_SOURCES))
del Created


if __name__ == "__main__":
    sys.exit(main())

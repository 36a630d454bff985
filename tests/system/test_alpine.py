#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""umld under Alpine's own OpenRC, booted by busybox init, in a real tree of Alpine. umld and the guest's kernel are those of
Debian's package, with the glibc that they need in directories which Alpine, whose libc is musl, does not have."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import packages  # noqa: E402
from booted import Booted  # noqa: E402
from sshserver import libraries, stage  # noqa: E402
from story import Story  # noqa: E402
from umldtest import DEBIAN_KERNEL, SOURCE, World, main  # noqa: E402

ARCHIVE = SOURCE.parent / "shared/images/alpine-3.2.3-openrc-alpine-base.tar.xz"
BUSYBOX = "/usr/local/bin/busybox-static"
# What umld runs of a host, and Alpine has as well, but in packages that are not in this tree.
HELPERS = ("/sbin/e2fsck", "/sbin/mke2fs")


def is_dynamic(path):
    if not path.is_file() or path.is_symlink() or path.read_bytes()[:4] != b"\x7fELF":
        return False
    return "(NEEDED)" in subprocess.run(["readelf", "-d", path], stdout=subprocess.PIPE, encoding="utf-8", check=True).stdout


class Alpine(Story, unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        if not ARCHIVE.exists():
            if os.environ.get("CI"):
                raise AssertionError(f"{ARCHIVE} is missing")
            raise unittest.SkipTest(f"no {ARCHIVE.name} beside the sources (shared/images)")
        cls.work = tempfile.mkdtemp(prefix="umld-alpine-", dir="/var/tmp")
        cls.addClassCleanup(shutil.rmtree, cls.work)
        os.chmod(cls.work, 0o755)
        cls.tree = f"{cls.work}/tree"
        os.mkdir(cls.tree)
        subprocess.run(["tar", "-C", cls.tree, "-xf", ARCHIVE], check=True)
        cls.install()
        cls.note_boots()
        cls.world = World()
        cls.addClassCleanup(cls.world.down)
        cls.machine = Booted(cls.tree, f"/run/netns/{cls.world.name}-host", f"{cls.work}/console", init="init")
        cls.addClassCleanup(cls.machine.kill)

    @classmethod
    def install(cls):
        package = f"{cls.work}/package"
        subprocess.run(["dpkg-deb", "-x", packages.deb(), package], check=True)
        stage(cls.tree, str(DEBIAN_KERNEL), *HELPERS)
        for path in filter(is_dynamic, Path(package).rglob("*")):
            stage(cls.tree, *libraries(str(path)))
        subprocess.run(["cp", "-a", f"{package}/.", cls.tree], check=True)
        shutil.copy("/bin/busybox", f"{cls.tree}{BUSYBOX}")
        # As meson setup -Dinit-script=openrc installs it.
        text = (Path(SOURCE) / "init/umld.openrc.in").read_text(encoding="utf-8").replace("@bindir@", "/usr/bin")
        script = Path(cls.tree) / "etc/init.d/umld"
        script.write_text(text, encoding="utf-8")
        script.chmod(0o755)

    @classmethod
    def note_boots(cls):
        """What is run last in a boot leaves a word; there are no terminals to log in at."""
        cls.booted = f"{cls.tree}/root/booted"
        script = Path(cls.tree) / "etc/local.d/booted.start"
        script.parent.mkdir(exist_ok=True)
        script.write_text("#!/bin/sh\necho yes >/root/booted\n", encoding="utf-8")
        script.chmod(0o755)
        inittab = Path(cls.tree) / "etc/inittab"
        inittab.write_text(re.sub(r"(?m)^tty.*\n", "", inittab.read_text(encoding="utf-8")), encoding="utf-8")

    def test_1_installed(self):
        """What a package of Alpine's would do after its installation."""
        self.machine.start()
        self.machine.shell("rc-update add local default; rc-update add umld default; addgroup -S umld")
        self.assertRegex(self.machine.out("rc-update", "show", "default"), r"umld \| +default")
        self.machine.poweroff()
        self.boot()
        self.assertRegex(self.machine.out("rc-service", "--version") + self.machine.out("cat", "/etc/alpine-release"), r"OpenRC.*\n?3\.")

    def test_2_story(self):
        for name, port in (("web", 8080), ("hand", 8090)):
            self.machine.shell(f"BUSYBOX={BUSYBOX} umlctl create {name} --memory 48M --forward tcp/{port}:80", timeout=60)
        self.tell("rc-service", "umld")


if __name__ == "__main__":
    main()

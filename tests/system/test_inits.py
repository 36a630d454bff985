#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""umld where systemd is not PID 1: its package in a Debian tree that is booted by sysvinit, then by OpenRC."""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import packages  # noqa: E402
from booted import Booted  # noqa: E402
from story import Story  # noqa: E402
from umldtest import SOURCE, World, main  # noqa: E402

OPENRC = ["openrc", "libeinfo1", "librc1"]
WITHOUT = {"dbus", "systemd-sysv"}


def command(*words):
    done = subprocess.run(words, check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          encoding="utf-8", errors="replace")
    if done.returncode != 0:
        raise AssertionError(f"{words[0]}: {done.stdout[-3000:]}")
    return done.stdout


class Inits(Story, unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.work = tempfile.mkdtemp(prefix="umld-inits-", dir="/var/tmp")
        cls.addClassCleanup(shutil.rmtree, cls.work)
        os.chmod(cls.work, 0o755)
        cls.tree = f"{cls.work}/tree"
        needed = set(command(f"{SOURCE}/tools/install-packages", "--list", "run", "boot").split()) - WITHOUT
        command(f"{SOURCE}/tools/debian-tree", "--slim", "--download", " ".join(OPENRC), cls.tree, *needed, "sysvinit-core")
        shutil.copy(packages.deb(), f"{cls.tree}/root/")
        cls.note_boots()
        cls.world = World()
        cls.addClassCleanup(cls.world.down)
        cls.machine = Booted(cls.tree, f"/run/netns/{cls.world.name}-host", f"{cls.work}/console", init="init")
        cls.addClassCleanup(cls.machine.kill)

    @classmethod
    def note_boots(cls):
        """What is run last in a boot leaves a word."""
        cls.booted = f"{cls.tree}/root/booted"
        with open(f"{cls.tree}/etc/rc.local", "w", encoding="utf-8") as script:
            script.write("#!/bin/sh\necho yes >/root/booted\n")
        os.chmod(f"{cls.tree}/etc/rc.local", 0o755)
        # The host of a container makes a new network for each boot; here it stays, so halt must not take it down.
        with open(f"{cls.tree}/etc/default/halt", "a", encoding="utf-8") as settings:
            settings.write("NETDOWN=no\n")

    # ---- the inits ----

    def test_1_sysvinit(self):
        self.boot()
        self.machine.out("apt-get", "install", "-y", "--no-install-recommends", f"/root/{packages.deb().name}", timeout=120)
        for name, port in (("web", 8080), ("hand", 8090)):
            self.machine.out("umlctl", "create", name, "--memory", "48M", "--forward", f"tcp/{port}:80", timeout=60)
        self.tell("/etc/init.d/umld")
        self.assertEqual(self.machine.out("sh", "-c", "echo /etc/rc[06].d/*umld /etc/rc2.d/*umld"),
                         "/etc/rc0.d/K01umld /etc/rc6.d/K01umld /etc/rc2.d/S01umld")

    def test_2_openrc_and_the_script_of_the_package(self):
        """Debian's OpenRC runs the same script."""
        self.machine.shell("apt-get install -y --no-install-recommends /root/lib*.deb /root/openrc*.deb", timeout=120)
        self.machine.poweroff()
        self.boot()
        self.assertIn("umld", self.machine.out("rc-update", "show", "default"))
        self.tell("rc-service", "umld")

    def test_3_openrc_and_its_own_script(self):
        """Without its boots, which test_alpine.py has."""
        text = (Path(SOURCE) / "init/umld.openrc.in").read_text(encoding="utf-8").replace("@bindir@", "/usr/bin")
        script = Path(self.tree) / "etc/init.d/umld"
        script.write_text(text, encoding="utf-8")
        script.chmod(0o755)
        self.machine.shell("rc-update --update; rc-service umld start")
        self.assertIn("each enabled UML guest", self.machine.out("rc-service", "umld", "describe"))
        self.machine.out("umlctl", "start", "web", "--enable", timeout=60)
        self.verbs(["rc-service", "umld"])

    def test_4_openrc_with_a_guest_that_cannot_start(self):
        """The others are up, and stopped cleanly at shutdown."""
        self.machine.shell("umlctl enable web hand; echo Memory=much >>/etc/umld/hand.conf; rc-service umld restart", timeout=60)
        self.assertTrue(self.page())
        self.assertTrue(self.service_started())
        self.machine.poweroff()
        self.assert_clean()


if __name__ == "__main__":
    main()

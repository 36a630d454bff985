#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""umld where systemd is not PID 1: its package in a Debian tree that is booted by sysvinit, then by OpenRC."""

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
from umldtest import SOURCE, World, clean_file_system, main, wait_until  # noqa: E402

OPENRC = ["openrc", "libeinfo1", "librc1"]
WITHOUT = {"dbus", "systemd-sysv"}


def command(*words):
    done = subprocess.run(words, check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          encoding="utf-8", errors="replace")
    if done.returncode != 0:
        raise AssertionError(f"{words[0]}: {done.stdout[-3000:]}")
    return done.stdout


class Inits(unittest.TestCase):
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

    def diagnosis(self):
        texts = [self.machine.log, f"{self.tree}/var/log/umld/web/console.log", f"{self.tree}/var/log/umld/web/umld.log"]
        return "\n".join(f"{path}:\n{Path(path).read_text(errors='replace')[-2000:]}" for path in texts if os.path.exists(path))

    def page(self):
        try:
            text = self.world.fetch(8080, timeout=0.3)
        except OSError:
            return None
        return text if "<h1>web</h1>" in text else None

    def wait_booted(self):
        wait_until(lambda: os.path.exists(self.booted), 60, "the end of the boot", 0.05)
        os.unlink(self.booted)
        if os.path.exists(f"{self.tree}/sbin/openrc"):  # it does not start rc.local last
            wait_until(self.service_started, 60, "OpenRC says that umld is started", 0.05)

    def service_started(self):
        return re.search(r"umld +\[ +started", self.machine.run("rc-status", "default").stdout)

    def boot(self):
        self.machine.start()
        self.wait_booted()

    def last_end(self):
        """How the guest's last run ended, as umld has noted it in the guest's console log."""
        with open(f"{self.tree}/var/log/umld/web/console.log", encoding="utf-8", errors="replace") as log:
            return ([""] + re.findall(r"=end (.*)", log.read()))[-1]

    def assert_clean(self):
        self.assertEqual(clean_file_system(f"{self.tree}/var/lib/umld/web/root.img"), "")
        self.assertIn("stopped: ", self.last_end())

    # ---- what has to hold under any init ----

    def tell(self, *service):
        """The story of a host's administrator; service: how the boot script is called."""
        machine = self.machine
        self.assertIn("web is enabled", machine.out("umlctl", "start", "web", "--enable", timeout=60))
        self.assertEqual(machine.out("umlctl", "is-enabled", "web"), "enabled")
        old = wait_until(self.page, 20, "the page")
        # A reboot stops the guest cleanly and starts it again.
        machine.reboot()
        self.wait_booted()
        self.assertIn("stopped: ", self.last_end())
        self.assertNotIn(wait_until(self.page, 20, "the page after a reboot"), (None, old))
        self.verbs(service)
        # Shut down, with a second guest that no boot script has started.
        machine.out("umlctl", "start", "hand", timeout=60)
        machine.poweroff()
        self.assert_clean()
        self.assertEqual(clean_file_system(f"{self.tree}/var/lib/umld/hand/root.img"), "")
        # Up at the next boot, and the other is not; disabled, it is not up either.
        self.boot()
        wait_until(self.page, 20, "the page after a shutdown")
        self.assertEqual(machine.run("umlctl", "status", "hand").returncode, 3)
        self.assertIn("web is disabled", machine.out("umlctl", "disable", "web"))
        machine.poweroff()
        self.assert_clean()
        self.boot()
        self.assertEqual(machine.run("umlctl", "status", "web").returncode, 3)
        self.assertEqual(machine.run("pgrep", "-x", "umld").stdout, "")

    def verbs(self, service):
        machine = self.machine
        self.assertIn("running", machine.out(*service, "status"))
        guest = machine.out("pgrep", "-f", "linux.uml").split()
        machine.shell("sed -i 's,^Forward=.*,&\\nForward=tcp/8081:80,' /etc/umld/web.conf")
        machine.out(*service, "reload")
        wait_until(lambda: "8081" in machine.out("umlctl", "list"), 5, "the second forward")
        self.assertEqual(machine.out("pgrep", "-f", "linux.uml").split(), guest)
        machine.shell("sed -i '/8081/d' /etc/umld/web.conf")
        machine.out(*service, "restart", timeout=60)
        self.assertNotEqual(machine.out("pgrep", "-f", "linux.uml").split(), guest)
        machine.out(*service, "stop", timeout=60)
        self.assertIsNone(self.page())
        self.assertEqual(machine.run("umlctl", "status", "web").returncode, 3)
        self.assertEqual(machine.run(*service, "status").returncode, 3)
        machine.out(*service, "start", timeout=60)
        wait_until(self.page, 20, "the page")

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
        text = (Path(SOURCE) / "init/umld.openrc.in").read_text(encoding="utf-8").replace("@bindir@", "/usr/bin")
        script = Path(self.tree) / "etc/init.d/umld"
        script.write_text(text, encoding="utf-8")
        script.chmod(0o755)
        self.machine.shell("rc-update --update; rc-service umld start")
        self.assertIn("each enabled UML guest", self.machine.out("rc-service", "umld", "describe"))
        self.tell("rc-service", "umld")

    def test_4_openrc_with_a_guest_that_cannot_start(self):
        """The others are up, and stopped cleanly at shutdown."""
        self.machine.shell("umlctl enable web hand; echo Memory=much >>/etc/umld/hand.conf; rc-service umld restart", timeout=60)
        self.assertTrue(self.page())
        self.assertTrue(self.service_started())
        self.machine.poweroff()
        self.assert_clean()


if __name__ == "__main__":
    main()

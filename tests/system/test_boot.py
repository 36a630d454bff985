#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""umld under a real systemd: a Debian tree with umld installed in it, booted in a container on the network of a test
world. One story, told in order."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

from booted import Booted
from umldtest import BUILD, MAKE_GUEST, SOURCE, World, main, wait_until

UNIT = "umld@web.service"
CONFIG = """\
[Guest]
Memory=48M
[Console]
Journal=yes
[Network]
Forward=tcp/8080:80
"""


def note(text):
    print(f"# {text}", flush=True)


def command(*words, **options):
    return subprocess.run(words, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, encoding="utf-8", errors="replace", **options).stdout


class Boot(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.before = None
        cls.work = tempfile.mkdtemp(prefix="umld-boot-", dir="/var/tmp")
        cls.addClassCleanup(shutil.rmtree, cls.work)
        os.chmod(cls.work, 0o755)
        cls.tree = f"{cls.work}/tree"
        try:
            cls.make_tree()
        except subprocess.CalledProcessError as error:
            print(error.output, file=sys.stderr)
            raise
        cls.world = World()
        cls.addClassCleanup(cls.world.down)
        cls.machine = Booted(cls.tree, f"/run/netns/{cls.world.name}-host", f"{cls.work}/console", unified=True)
        cls.addClassCleanup(cls.machine.kill)

    @classmethod
    def make_tree(cls):
        packages = command(f"{SOURCE}/tools/install-packages", "--list", "run", "boot").split()
        command(f"{SOURCE}/tools/debian-tree", "--slim", cls.tree, *packages)
        command("meson", "install", "-C", BUILD, "--no-rebuild", env=dict(os.environ, DESTDIR=cls.tree))
        os.makedirs(f"{cls.tree}/etc/umld", exist_ok=True)
        os.makedirs(f"{cls.tree}/var/lib/umld/web")
        command(MAKE_GUEST, f"{cls.tree}/var/lib/umld/web/root.img")
        cls.configure(CONFIG)

    # ---- what the tests ask and do ----

    @classmethod
    def configure(cls, text):
        with open(f"{cls.tree}/etc/umld/web.conf", "w", encoding="utf-8") as config:
            config.write(text)

    def diagnosis(self):
        """What nspawn, the journal and the guest's console say, for whoever reads the log of a failure."""
        texts = [("nspawn", self.machine.log), ("console", f"{self.tree}/var/log/umld/web/console.log")]
        said = f"journal:\n{self.machine.journal(80)}"
        for name, path in texts:
            if os.path.exists(path):
                with open(path, encoding="utf-8", errors="replace") as text:
                    said += f"\n{name}:\n" + "".join(text.readlines()[-20:])
        return said

    def page(self, port=8080):
        """The guest's page as a client on the Internet gets it, or None."""
        try:
            text = self.world.fetch(port, timeout=0.3)
        except OSError:
            return None
        return text if "<h1>web</h1>" in text else None

    def wait_page(self, seconds=20, port=8080):
        return wait_until(lambda: self.page(port), seconds, f"the page on port {port}", 0.02)

    def wait_other_page(self, old, seconds=30):
        return wait_until(lambda: self.page() not in (None, old), seconds, "the page of another boot", 0.02)

    def status(self):
        return json.loads(self.machine.out("umlctl", "status", "web", "--json"))

    def start(self):
        """From whatever is: the guest is up."""
        self.configure(CONFIG)
        self.machine.run("systemctl", "reset-failed", UNIT)
        self.machine.out("systemctl", "start", UNIT, timeout=90)
        self.wait_page()

    def host(self):
        """What a guest may have changed on the host, as text."""
        return self.machine.shell("""
            for table in filter nat mangle raw; do iptables-legacy -w -t $table -S; done
            nft list ruleset 2>/dev/null || true
            ip -o link show; ip -o address show; ip route show table all
            cat /proc/sys/net/ipv4/ip_forward
            awk '$5 == "/dev/shm" { sub(".* - ", $6 " "); print }' /proc/self/mountinfo
            ls -lA /dev/shm
            find /run/umld -mindepth 1 ! -name lock ! -name .shared | sort
            find /sys/fs/cgroup -path '*umld@*' -type d | sort
            ps -eo comm= | grep -e linux -e umld -e uml-userspace || true""")

    def assert_host_as_before(self):
        self.assertEqual(self.before.splitlines(), self.host().splitlines())

    # ---- the story ----

    def test_01_installed_and_idle(self):
        self.machine.start()
        self.assertEqual(self.machine.wait_running(60), "running")
        self.assertEqual(self.machine.out("systemctl", "is-active", "umld.target"), "active")
        modes = self.machine.out("stat", "-c", "%a %U %G %n", "/run/umld", "/var/lib/umld", "/var/log/umld")
        self.assertEqual(modes.splitlines(), ["711 root root /run/umld", "711 root root /var/lib/umld",
                                              "750 root umld /var/log/umld"])
        done = self.machine.run("umlctl", "status", "web")
        self.assertEqual(done.returncode, 3, done.stdout + done.stderr)
        type(self).before = self.host()

    def test_02_enabled_and_rebooted(self):
        self.machine.run("umlctl", "enable", "web", check=True)
        self.assertEqual(self.machine.out("systemctl", "is-enabled", UNIT), "enabled")
        self.assertEqual(self.machine.show(UNIT, "ActiveState"), "inactive")
        begun = time.monotonic()
        self.machine.reboot()
        page = self.wait_page(60)
        note(f"page {time.monotonic() - begun:.2f} s after the order to reboot")
        self.assertIn("User-Mode-Linux", page)
        self.assertEqual(self.machine.wait_running(60), "running")
        self.assertEqual(self.machine.show(UNIT, "ActiveState"), "active")

    def test_03_says_how_it_is(self):
        text = self.machine.show(UNIT, "StatusText")
        self.assertIn("running", text.lower())
        self.assertIn(f'Status: "{text}"', self.machine.out("systemctl", "status", "--no-pager", UNIT))
        status = self.status()
        self.assertEqual((status["name"], status["state"], status["wanted"]), ("web", "running", "up"))
        self.assertEqual(str(status["daemon"]["pid"]), self.machine.show(UNIT, "MainPID"))
        for layer in ("pid-namespace", "cgroup", "no-new-privileges"):  # the unit's sandbox leaves these possible
            self.assertEqual(status["confinement"][layer], "on", layer)
        self.assertIn("web", self.machine.out("umlctl", "list"))
        self.assertEqual(self.machine.show(UNIT, "WatchdogUSec"), "30s")
        self.assertEqual(self.machine.show(UNIT, "Delegate"), "yes")

    def test_03_journal_has_the_console(self):
        text = self.machine.out("journalctl", "-b", "-o", "json", "UMLD_GUEST=web")
        lines = [json.loads(line) for line in text.splitlines()]
        self.assertTrue([line for line in lines if "init as init process" in str(line["MESSAGE"])], text[-2000:])
        for line in lines:
            self.assertEqual((line["SYSLOG_IDENTIFIER"], line["_SYSTEMD_UNIT"], line["PRIORITY"]),
                             ("umld@web", UNIT, "6"))

    def test_04_stop_leaves_nothing(self):
        self.machine.out("umlctl", "stop", "web", timeout=60)
        self.assertEqual(self.machine.show(UNIT, "ActiveState"), "inactive")
        self.assertEqual(self.machine.run("umlctl", "status", "web").returncode, 3)
        self.assertIsNone(self.page())
        self.assert_host_as_before()
        self.machine.out("umlctl", "start", "web", timeout=60)
        self.assertEqual(self.machine.show(UNIT, "ActiveState"), "active")
        self.wait_page()

    def test_05_systemctl_stop_and_restart(self):
        self.start()
        self.machine.out("systemctl", "restart", UNIT, timeout=90)
        self.wait_page()
        self.machine.out("systemctl", "stop", UNIT, timeout=60)
        self.assertEqual(self.machine.show(UNIT, "Result"), "success")
        self.assert_host_as_before()

    def test_06_reload(self):
        self.start()
        guest = self.status()["pid"]
        self.configure(CONFIG + "Forward=tcp/8081:80\n")
        self.machine.out("systemctl", "reload", UNIT)
        self.wait_page(5, port=8081)
        self.configure(CONFIG)
        self.machine.out("systemctl", "reload", UNIT)
        self.assertIsNone(self.page(port=8081))
        self.configure(CONFIG + "Forward=tcp/none\n")
        self.assertNotEqual(self.machine.run("systemctl", "reload", UNIT).returncode, 0)
        self.assertEqual(self.machine.show(UNIT, "ActiveState"), "active")
        self.assertEqual(self.status()["pid"], guest)
        self.assertTrue(self.page())

    def test_07_killed_guest(self):
        self.start()
        umld, restarts = self.machine.show(UNIT, "MainPID"), self.status()["restarts"]
        old = self.page()
        self.machine.out("kill", "-KILL", str(self.status()["pid"]))
        self.wait_other_page(old)
        self.assertEqual(self.status()["restarts"], restarts + 1)
        self.assertEqual(self.status()["last_exit"]["verdict"], "killed")
        self.assertEqual(self.machine.show(UNIT, "MainPID"), umld)

    def test_08_killed_umld(self):
        self.start()
        umld, count = self.machine.show(UNIT, "MainPID"), int(self.machine.show(UNIT, "NRestarts"))
        old, begun = self.page(), time.monotonic()
        self.machine.out("kill", "-KILL", umld)
        self.wait_other_page(old)
        note(f"page {time.monotonic() - begun:.2f} s after umld was killed")
        self.assertNotEqual(self.machine.show(UNIT, "MainPID"), umld)
        self.assertEqual(int(self.machine.show(UNIT, "NRestarts")), count + 1)
        self.assertEqual(len(self.machine.out("pgrep", "-x", "umld").split()), 1)
        self.machine.out("systemctl", "stop", UNIT, timeout=60)
        self.assert_host_as_before()

    def test_09_stuck_umld(self):
        self.machine.shell(f"""
            mkdir -p /run/systemd/system/{UNIT}.d
            printf '[Service]\\nWatchdogSec=2\\nTimeoutAbortSec=1\\n' >/run/systemd/system/{UNIT}.d/test.conf
            systemctl daemon-reload""")
        self.addCleanup(self.machine.run, "sh", "-c",
                        f"rm -r /run/systemd/system/{UNIT}.d; systemctl daemon-reload")
        self.start()
        umld, old = self.machine.show(UNIT, "MainPID"), self.page()
        time.sleep(3)
        self.assertEqual(self.machine.show(UNIT, "MainPID"), umld, "umld feeds the watchdog")
        self.machine.out("kill", "-STOP", umld)
        self.wait_other_page(old)
        self.assertNotEqual(self.machine.show(UNIT, "MainPID"), umld)

    def test_10_bad_configuration(self):
        self.machine.run("systemctl", "stop", UNIT, timeout=60)
        self.configure("[Guest]\nMemory=much\n")
        self.machine.run("systemctl", "reset-failed", UNIT)
        self.assertNotEqual(self.machine.run("systemctl", "start", UNIT, timeout=60).returncode, 0)
        self.assertEqual(self.machine.show(UNIT, "ActiveState"), "failed")
        self.assertEqual(self.machine.show(UNIT, "ExecMainStatus"), "2")
        self.assertEqual(self.machine.show(UNIT, "NRestarts"), "0")
        self.assertIn("web.conf:2", self.machine.out("journalctl", "--no-pager", "-b", "-u", UNIT))
        done = self.machine.run("umlctl", "start", "web", timeout=60)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.configure(CONFIG)
        self.machine.run("systemctl", "reset-failed", UNIT)
        self.assert_host_as_before()

    def test_11_target(self):
        self.start()
        self.machine.out("systemctl", "stop", "umld.target", timeout=60)
        wait_until(lambda: self.machine.show(UNIT, "ActiveState") == "inactive", 60, "the guest is down", 0.05)
        self.assertEqual(self.machine.show(UNIT, "Result"), "success")
        self.machine.out("systemctl", "start", "umld.target", timeout=90)
        self.assertEqual(self.machine.show(UNIT, "ActiveState"), "active")
        self.wait_page()

    def test_12_shutdown_takes_the_guest_down(self):
        self.start()
        self.machine.poweroff()
        # Its network outlives it here.
        left = command("ip", "-n", f"{self.world.name}-host", "-o", "link")
        self.assertNotIn("tap0", left)
        rules = command("ip", "netns", "exec", f"{self.world.name}-host", "iptables-legacy", "-t", "nat", "-S")
        self.assertNotIn("UMLD", rules)

    def test_13_old_control_groups(self):
        """cgroup v1 alone, as on old hosts. systemd is not told of empty groups there: TimeoutStopSec= is the limit."""
        self.machine.unified = False
        self.machine.start()
        self.wait_page(60)
        self.assertEqual(self.machine.wait_running(60), "running")
        old = self.page()
        self.machine.out("kill", "-KILL", self.machine.show(UNIT, "MainPID"))
        self.wait_other_page(old)
        self.machine.out("umlctl", "stop", "web", timeout=60)
        self.assertEqual(self.machine.shell("ps -eo comm= | grep -c -e linux.uml -e umld || true"), "0")
        self.machine.run("umlctl", "disable", "web", check=True)
        self.assertEqual(self.machine.run("systemctl", "is-enabled", UNIT).stdout.strip(), "disabled")
        self.machine.poweroff()


if __name__ == "__main__":
    main()

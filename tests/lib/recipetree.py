# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tests of recipes with real trees share: each tree is made a guest, which is looked at from inside."""

import re
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from terminal import Terminal
from umldtest import ALL_SOURCES, BUILD, DONE, HOST, PATIENCE, SOURCE, TestCase, clean_file_system, kernels_for, test_kernels, wait_until

PORT, SSH = 9000, 2200
PASSWORD = "correct horse"

# Puts into a file what the guest is like; it is read from the image when the guest has ended.
REPORT = """#!/bin/sh
command -v ip >/dev/null || ip() { /usr/lib/umld/bin/ip "$@"; }
{
        echo "hostname $(hostname)"
        echo "swap $(grep -c /dev/ubdb /proc/swaps)"
        echo "dns" $(grep nameserver /etc/resolv.conf)
        echo "hosts" $(grep 127.0.1.1 /etc/hosts)
        echo "zone $(date +%Z)"
        for device in eth0 vec0; do
                [ ! -e /sys/class/net/$device ] || echo "address" $(ip addr show dev $device | grep -e inet -e mtu)
        done
        echo "route" $(ip route show | grep default)
        [ ! -e /proc/net/if_inet6 ] || echo "route6" $(ip -6 route show | grep default)
        echo "shadow $(grep ^root: /etc/shadow)"
        echo "empty $(grep -c '^[^:]*::' /etc/shadow)"
        echo "root $(grep ' / ' /proc/mounts | tail -n 1)"
} >/root/report 2>&1
sync
echo first boot done
"""

# A service that needs a moment after its SIGTERM to leave its files in order, and no other signal for that.
TIDY = """(trap 'sleep 0.1 || sleep 1; echo tidied up >>/root/tidy; exit' TERM; sleep 3600 & wait) </dev/null >/dev/null 2>&1 &
"""


class Tree(TestCase):
    """The tests of one tree with one kernel."""

    shm = "256M"
    kernel = source = recipe = make = None  # make() is for a source that is made when it is needed
    needs = ()  # files without which make() cannot
    memory = "96M"
    stop_limit = 1.0  # seconds from the order to the guest's end, on a quiet machine
    ready_limit = 60
    has_ssh = False
    key_made = True  # with the guest, for its SSH server; else by the guest, and the first one is accepted
    by_init = False
    options = ()

    @classmethod
    def setUpClass(cls):
        cls.files = Path(tempfile.mkdtemp(prefix="umld-recipes.", dir="/var/tmp"))
        cls.addClassCleanup(shutil.rmtree, cls.files)
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", cls.files / "key"], check=True, timeout=60)
        (cls.files / "first").write_text(REPORT, encoding="utf-8")
        (cls.files / "echo.start").write_text(f"#!/bin/sh\n/usr/bin/udp-echo {PORT} {PORT} </dev/null >/dev/null 2>&1\n{TIDY}", encoding="utf-8")
        (cls.files / "end.stop").write_text("#!/bin/sh\necho stopped >>/root/stopped\n", encoding="utf-8")
        for hook in ("echo.start", "end.stop"):
            (cls.files / hook).chmod(0o755)
        # Here, for the first of its tests has no time for that.
        if cls.make and all(path.exists() for path in cls.needs):
            cls.source = cls.make()

    def setUp(self):
        super().setUp()
        if not self.source or not self.source.exists():
            self.skipTest(f"{self.source} does not exist")

    def create(self, *options, password=None):
        command = [self.world.program("umlctl/umlctl"), "create", "web", f"--from={self.source}", f"--kernel={self.world.kernel(self.kernel)}",
                   f"--memory={self.memory}", f"--set=StartTimeout={90 * PATIENCE:.0f}s", f"--forward=udp/{PORT}", f"--forward=tcp/{SSH}:22",
                   f"--copy={BUILD}/tests/guest/udp-echo:/usr/bin/udp-echo", f"--copy={self.files}/echo.start:/etc/umld.d/echo.start",
                   f"--copy={self.files}/end.stop:/etc/umld.d/end.stop",
                   *self.options, *options]
        p = subprocess.run(self.world.command("host", *command), input=password or "", stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                           encoding="utf-8", timeout=120 * PATIENCE, check=False)
        self.assertEqual(p.returncode, DONE, p.stderr)
        self.assertIn(f"recipe         {self.recipe}", p.stdout)
        self.assertEqual(clean_file_system(self.world.image()), "")

    def read(self, path):
        return subprocess.run(["/sbin/debugfs", "-R", f"cat {path}", self.world.image()], check=True, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, encoding="utf-8", timeout=60).stdout

    def console_log(self):
        return (self.world.log_dir / "web/console.log").read_text(encoding="utf-8", errors="replace")

    def echoed(self):
        """Does the guest's hook answer, through DNAT from the Internet?"""
        with self.world.socket("inet", kind=socket.SOCK_DGRAM) as s:
            s.settimeout(0.5)
            s.sendto(b"hello", (HOST, PORT))
            try:
                return s.recv(16) == b"hello"
            except OSError:
                return False

    def stop(self, umld):
        """Ends it by ctrl-alt-del; the seconds that took."""
        time.sleep(1.1)  # the init of busybox hears nothing for a second after the end of a child
        start = time.monotonic()
        self.assertEqual(umld.stop(60), DONE)
        took = time.monotonic() - start
        self.assertIn("shut down cleanly by ctrl-alt-del", umld.log)
        self.assertEqual(clean_file_system(self.world.image()), "")
        return took

    def ssh(self, *words, timeout=30):
        return self.world.run("inet", "ssh", "-i", self.files / "key", "-p", str(SSH), "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no",
                              "-o", "UserKnownHostsFile=/dev/null", "-o", "ConnectTimeout=10", f"root@{HOST}", *words, timeout=timeout)

    # ---- tests ----

    def test_settings(self):
        """Everything that was given is there, and a second boot is as good as the first."""
        self.create("--swap=16M", "--hostname=www.example.org", f"--firstboot={self.files}/first", f"--ssh-key={self.files}/key.pub",
                    "--set=DNS=192.0.2.1 192.0.2.2", "--set=MTU=1400", "--set=HostAddress6=fd00:0:0:1::1/64",
                    "--set=GuestAddress6=fd00:0:0:1::2")
        text = (self.world.config_dir / "web.conf").read_text(encoding="utf-8")
        self.assertIn("Ready=guest\n", text)
        self.assertEqual("ConfigureBy=init\n" in text, self.by_init)
        umld = self.daemon().wait_ready(self.ready_limit)
        wait_until(self.echoed, 20, "an answer of the guest's hook")
        wait_until(lambda: "first boot done" in self.console_log(), 20, "the end of the script for the first boot")
        if self.has_ssh:
            p = self.ssh("hostname")
            self.assertEqual((p.returncode, p.stdout), (0, "www.example.org\n"), p.stderr)
            known = self.world.state_dir / "web/known_hosts"
            self.assertEqual(known.exists(), self.key_made)
            if self.key_made:
                keys = self.ssh("cat /etc/ssh/ssh_host_ed25519_key.pub").stdout
                self.assertEqual(known.read_text(encoding="ascii").split()[:3], ["umld-web", *keys.split()[:2]])
            p = self.world.umlctl("ssh", "web", "hostname")
            self.assertEqual((p.returncode, p.stdout), (0, "www.example.org\n"), p.stderr)
            keys = known.read_text(encoding="ascii")
        times = [self.stop(umld)]
        report = dict(line.partition(" ")[::2] for line in self.read("/root/report").splitlines())
        self.assertEqual(report["hostname"], "www.example.org")
        self.assertEqual(report["swap"], "1")
        self.assertEqual(report["dns"], "nameserver 192.0.2.1 nameserver 192.0.2.2")
        self.assertEqual(report["hosts"], "127.0.1.1 www.example.org")
        self.assertIn("inet 10.0.0.2/24", report["address"])
        self.assertIn("mtu 1400", report["address"])
        self.assertIn("via 10.0.0.1", report["route"])
        if "route6" in report:  # the kernel has IPv6 without a module
            self.assertIn("inet6 fd00:0:0:1::2/64", report["address"])
            self.assertNotRegex(report["address"], "scope global[a-z ]* tentative")
            self.assertIn("via fd00:0:0:1::1", report["route6"])
        self.assertTrue(report["shadow"].startswith("root:*:"), report["shadow"])
        self.assertEqual(report["empty"], "0")
        self.assertIn(" rw,", report["root"])

        # Again, with another name, and with the address from whom it was not before, kernel or init; the script of the
        # first boot is not run again, and the keys stay.
        path = self.world.config_dir / "web.conf"
        again = text.replace("Hostname=www.example.org", "Hostname=db.example.org").replace("ConfigureBy=init\n", "")
        path.write_text(again if self.by_init else again.replace("[Network]\n", "[Network]\nConfigureBy=init\n"), encoding="utf-8")
        begun = time.monotonic()
        umld = self.daemon().wait_ready(self.ready_limit)
        booted = time.monotonic() - begun
        wait_until(self.echoed, 20, "an answer of the guest's hook")
        if self.has_ssh:
            p = self.world.umlctl("ssh", "web", "hostname")  # which accepts no other key now
            self.assertEqual((p.returncode, p.stdout), (0, "db.example.org\n"), p.stderr)
            self.assertEqual(known.read_text(encoding="ascii"), keys)
        times.append(self.stop(umld))
        self.assertEqual(self.read("/etc/hostname"), "db.example.org\n")
        self.assertIn("127.0.1.1 db.example.org\n", self.read("/etc/hosts"))
        self.assertEqual(self.console_log().count("first boot done"), 1)
        self.assertEqual(self.read("/root/stopped"), "stopped\n" * 2)
        self.assertEqual(self.read("/root/tidy"), "tidied up\n" * 2)
        self.assertFalse("corrupted or uncleanly shut down" in self.console_log(), "journald has not closed its file")
        self.assertFalse("Unknown key" in self.console_log(), "a unit has a key that the tree's systemd does not know")
        self.assertNotIn("umld: ", self.console_log())  # our scripts have no complaint
        # What slows it down slowed down the boot before as well; a delay that is waited for is not as long.
        self.assertLess(min(times), self.stop_limit * PATIENCE + booted / 2, f"shutting down takes {times} s, a boot {booted} s")

    def test_console(self):
        """Root's password is asked for, where there is one, and else not."""
        self.create("--password-stdin", password=PASSWORD + "\n")
        umld = self.daemon().wait_ready(self.ready_limit)
        terminal = Terminal(self.world)
        terminal.type("\r")
        terminal.wait_for("login:", 30)
        terminal.type("root\r")
        terminal.wait_for("assword:", 30)
        terminal.type("wrong\r")
        terminal.wait_for("login:", 30)
        terminal.type("root\r")
        terminal.wait_for("assword:", 30)
        terminal.type(PASSWORD + "\r")
        terminal.wait_for("# ", 30)
        self.assertIn("uid=0", terminal.command("id"))
        # Without a password there is no question.
        terminal.command("sed -i 's/^root:[^:]*:/root:*:/' /etc/shadow")
        terminal.wait_for("# ")
        terminal.type("exit\r")
        terminal.wait_for("# ", 30)
        self.assertIn("uid=0", terminal.command("id"))
        terminal.type("reboot\r")
        wait_until(lambda: re.search(r"message from the guest: STOPPING=reboot$", umld.log, re.M), 30, "word of the reboot")
        terminal.detach()
        self.assertEqual(self.world.umlctl("kill", "web").returncode, DONE)
        self.assertEqual(umld.wait(40), DONE)


class ByHand(TestCase):
    """A tree as its distribution made it, with what umld.conf(5) has for it, to the letter."""

    shm = "256M"
    memory = "96M"

    @staticmethod
    def recipe_of(which):
        """The lines that the manual shows for Debian (0) or Alpine (1)."""
        text = (SOURCE / "man/umld.conf.5").read_text(encoding="utf-8").partition(".Ss Existing images\n")[2].partition("\n.Ss ")[0]
        return re.findall(r"^\.Bd -literal.*\n([^.][\s\S]*?)\n\.Ed$", text, re.M)[which].splitlines()

    def check_login(self, tree, setting=()):
        p = self.world.umlctl("create", "web", f"--from={tree}", "--recipe=none", "--size=1G", f"--memory={self.memory}",
                              f"--kernel={self.world.kernel(test_kernels()[-1])}", *(f"--set={line}" for line in setting), timeout=120 * PATIENCE)
        self.assertEqual(p.returncode, DONE, p.stderr)
        umld = self.daemon().wait_ready(100)
        terminal = Terminal(self.world)
        terminal.wait_for("login:", 100)
        terminal.detach()
        self.assertEqual(umld.stop(90), DONE)


def classes_of(trees):
    """A class for each tree, with each of the kernels or one by turns, named after both (Busybox6_1); trees are {name:
    values of Tree}."""
    for number, (name, values) in enumerate(trees.items()):
        for kernel in kernels_for(number, whole=ALL_SOURCES):
            version = subprocess.run([kernel, "--version"], stdout=subprocess.PIPE, check=True, encoding="utf-8").stdout
            full = name + re.match(r"\d+\.\d+", version)[0].replace(".", "_")
            yield full, type(full, (Tree,), {"kernel": kernel, "__module__": "__main__", **values})

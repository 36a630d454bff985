#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""umld on a host without the newer system calls and without namespaces or cgroups to be had."""

import os
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import umldtest
from umldtest import DONE, SOURCE, USAGE, Daemon, preloaded, wait_until

OLD_HOST = umldtest.BUILD / "tests/guest/old-host"


class OldHost(umldtest.TestCase):
    def setUp(self):
        super().setUp()
        self.world.host("mount", "-t", "tmpfs", "tmpfs", "/sys/fs/cgroup")
        self.wrapper = self.world.install(OLD_HOST, self.world.dir / "old-host")

    def start(self, name="web", refused=(), network=None, **options):
        self.world.guest(name, **options, Network=network or {"Forward": "tcp/8080:80"})
        refuse = [self.world.program("tests/lib/refuse"), *refused, "--"] if refused else []
        return Daemon(self.world, name, wrapper=[*refuse, self.wrapper]).wait_ready()

    def mode(self):
        return self.world.host("stat", "-c", "%a", "/dev/net/tun").strip()

    def may_open_tun(self, uid):
        """A user of the host, by its mode and its access control list."""
        return self.world.run("host", "python3", "-c", f"import os; os.setgroups([]); os.setgid({uid}); os.setuid({uid});"
                              "raise SystemExit(not os.access('/dev/net/tun', os.R_OK | os.W_OK))").returncode == 0

    def test_without_anything(self):
        script = f"first:1:{self.scratch()},lock,tap,helpers:3,boot,ready"
        self.start(fake=script).stop()  # makes what stays, such as the guest's uid
        before = self.world.snapshot()
        self.scratch().unlink()
        umld = self.start(fake=script)
        status = umld.status()
        self.assertRegex(status["confinement"]["pid-namespace"], r"^refused \(.+\), child subreaper instead$")
        self.assertRegex(status["confinement"]["cgroup"], r"^refused \(.+\)$")
        self.assertEqual(status["confinement"]["tun"], "the host's, opened to its user")
        self.assertTrue(self.may_open_tun(umld.guest_uid()))
        self.assertFalse(self.may_open_tun(umld.guest_uid() + 1))
        self.assertRegex(umld.log, r"(?m)the guest cannot have a /dev/net/tun of its own .*may open the host's until")
        helpers = [p for p, line in self.world.processes().items() if "fake-guest mem=" in line]
        self.assertGreaterEqual(len(helpers), 4)
        since = len(umld.messages)
        os.kill(umldtest.parent(umld.guest_pid()), signal.SIGTERM)  # a stranger's, which does not count
        self.assertEqual(umld.status()["restarts"], 0)
        os.kill(umld.guest_pid(), signal.SIGKILL)
        umld.wait_state("running", since=since)
        self.assertEqual(umld.status()["restarts"], 1)
        self.assertEqual([p for p in helpers if umldtest.process_alive(p)], [])
        umld.stop()
        self.assertEqual(umld.wait(), DONE)
        self.assertEqual(self.mode(), "600")
        self.assertEqual(self.world.processes(), {})
        self.assert_same_host(before)

    def test_required(self):
        """What must not be left out: refused by the host before anything is started, or by the configuration."""
        self.world.guest(fake="lock,tap,boot,ready", Confine={"Required": "user pid-namespace"})
        umld = Daemon(self.world, wrapper=[self.wrapper])
        self.assertEqual(umld.wait(), USAGE)
        self.assertRegex(umld.log, r"Required=pid-namespace: this host refuses that layer of confinement: .+; remove")
        self.assertEqual(self.world.processes(), {})
        refuse = [self.world.program("tests/lib/refuse"), "no-new-privs", "--"]
        self.world.guest(fake="lock,tap,boot,ready", Confine={"Required": "no-new-privileges"})
        umld = Daemon(self.world, wrapper=refuse)
        self.assertEqual(umld.wait(), USAGE)
        self.assertRegex(umld.log, r"Required=no-new-privileges: this host refuses that layer of confinement: .+")
        self.world.guest(fake="lock,tap,boot,ready", Confine={"PrivateIPC": "no", "ControlGroup": "no"})
        umld = Daemon(self.world, wrapper=refuse).wait_ready()
        self.assertRegex(umld.layer("no-new-privileges"), r"^refused \(.+\)$")
        self.assertEqual([umld.layer(layer) for layer in ("pid-namespace", "ipc-namespace", "cgroup", "capabilities")],
                         ["on", "off (configuration)", "off (configuration)", "on"])
        self.assertEqual(os.readlink(f"/proc/{umld.guest_pid()}/ns/ipc"), os.readlink(f"/proc/{umld.pid}/ns/ipc"))
        self.assertNotEqual(os.readlink(f"/proc/{umld.guest_pid()}/ns/pid"), os.readlink(f"/proc/{umld.pid}/ns/pid"))
        self.assertEqual(umld.stop(), DONE)

    def test_each_layer(self):
        """None but those that every kernel has are left: the guest runs, each other one is said to be missing and why, and may
        be required."""
        layers = re.findall(r'\[CONFINE_\w+\] =\s*\{\s*"([a-z-]+)"', (SOURCE / "lib/basic/confine.c").read_text(encoding="utf-8"))
        self.assertGreater(len(layers), 14)
        wrapper = [self.wrapper, self.world.program("tests/lib/refuse"), "limits", "no-new-privs", "--"]
        confine = {"PrivateRoot": "yes"}
        guest = {"fake": "lock,tap,boot,ready", "Guest": {"CPUQuota": "50%"}, "Network": {"Bandwidth": "in:8M out:2M"}}
        self.world.guest(**guest, Confine=confine)
        umld = Daemon(self.world, wrapper=wrapper, env=preloaded("no-police.so")).wait_ready()
        found, shown = umld.status()["confinement"], self.world.umlctl("status", "web").stdout
        self.assertRegex(found["user"], r"^on, uid \d+$")
        self.assertEqual(found["capabilities"], "on")
        there = {"user", "capabilities"} | ({"limits"} if umldtest.SANITIZED else set())  # which leaves out the limit that is refused
        missing = [layer for layer in layers if layer not in there]
        for layer in missing:
            with self.subTest(layer):
                self.assertRegex(found[layer], r"^refused \(.+\)")
                self.assertIn(f"confinement: the layer {layer} is not in force: ", umld.log)
                self.assertIn(found[layer], shown)
        # One limit was refused, but no other one.
        limits = Path(f"/proc/{umld.guest_pid()}/limits").read_text(encoding="ascii")
        self.assertRegex(limits, r"(?m)^Max locked memory +0 +0 ")
        self.assertRegex(limits, r"(?m)^Max msgqueue size +0 +0 ")
        self.assertRegex(limits, r"(?m)^Max processes +(\d+) +\1 ")
        since = len(umld.messages)
        os.kill(umld.guest_pid(), signal.SIGKILL)
        umld.wait_state("running", since=since)
        self.assertEqual({layer: found[layer] for layer in layers}, {layer: umld.layer(layer) for layer in layers})
        self.assertEqual(umld.stop(), DONE)
        for layer in missing:
            with self.subTest(required=layer):
                self.world.guest(**guest, Confine={**confine, "Required": layer})
                umld = Daemon(self.world, wrapper=wrapper, env=preloaded("no-police.so"))
                self.assertEqual(umld.wait(), USAGE)
                self.assertRegex(umld.log, rf"Required={layer}: this host refuses that layer of confinement: .+; remove")
        self.assertEqual(self.world.processes(), {})

    def test_no_filter(self):
        """Of system calls; one that the guest's programs would feel is refused by a test of its own."""
        refuse = [self.world.program("tests/lib/refuse"), "seccomp", "--"]
        self.world.guest(fake="lock,tap,boot,ready")
        umld = Daemon(self.world, wrapper=refuse).wait_ready()
        self.assertEqual(umld.layer("seccomp"), "refused (Invalid argument)")
        self.assertEqual(umld.stop(), DONE)
        self.world.guest(fake="lock,tap,boot,ready", Confine={"Required": "seccomp"})
        umld = Daemon(self.world, wrapper=refuse)
        self.assertEqual(umld.wait(), USAGE)
        self.assertRegex(umld.log, r"Required=seccomp: this host refuses that layer of confinement: .+; remove")
        for value, layer, mode in (("no", "off (configuration)", 0), ("log", "on, but only logs", 2), ("yes", "on", 2)):
            self.world.guest(fake="lock,tap,boot,ready", Confine={"Seccomp": value})
            umld = Daemon(self.world).wait_ready()
            self.assertEqual(umld.layer("seccomp"), layer)
            status = Path(f"/proc/{umld.guest_pid()}/status").read_text(encoding="utf-8")
            self.assertIn(f"Seccomp:\t{mode}\n", status)
            self.assertEqual(umld.stop(), DONE)

    def test_tun_of_several(self):
        """Each guest's user is let in while that guest is up, by its list or, where there is none, by the mode."""
        script = "lock,tap,boot,ready"
        other = {"Tap": "tap1", "HostAddress": "10.0.1.1/24", "GuestAddress": "10.0.1.2"}
        for refused, access, first_alone, after in (((), "the host's, opened to its user", "660", False),
                                                    (("acl",), "the host's, opened to all users", "666", True)):
            with self.subTest(access):
                guests = [self.start("web", refused, fake=script),
                          self.start("db", refused, network=other, fake=script)]
                users = [umld.guest_uid() for umld in guests]
                self.assertEqual(guests[0].status()["confinement"]["tun"], access)
                self.assertEqual([self.may_open_tun(u) for u in users], [True, True])
                self.assertEqual(guests[0].stop(), DONE)
                self.assertEqual([self.may_open_tun(u) for u in users], [after, True])
                self.assertEqual(self.mode(), first_alone)
                self.assertEqual(guests[1].stop(), DONE)
                self.assertEqual([self.may_open_tun(u) for u in users], [False, False])
                self.assertEqual(self.mode(), "600")

    def test_in_a_chroot(self):
        """Whose root directory need not be a mount, and is not where entering a namespace leads to."""
        root = self.world.dir / "root"
        for each in Path("/").iterdir():
            if each.is_symlink():
                root.mkdir(exist_ok=True)
                (root / each.name).symlink_to(each.readlink())
            elif each.is_dir():
                (root / each.name).mkdir(parents=True, exist_ok=True)
                self.world.host("mount", "--rbind", each, root / each.name)
        self.world.guest(fake="lock,tap,boot,ready", Memory={"Backing": "private"})
        umld = Daemon(self.world, wrapper=["chroot", root]).wait_ready()
        status = umld.status()
        self.assertEqual(status["confinement"]["tun"], "a node of its own")
        self.assertEqual(os.readlink(f"/proc/{umld.guest_pid()}/root"), "/")
        self.assertFalse(self.may_open_tun(umld.guest_uid()))
        self.assertEqual(umld.stop(), DONE)

    def test_tun_closed_again(self):
        """By another guest's umld that had opened it: each start checks again."""
        script = "lock,tap,boot,ready"
        for wrapper, access in (([self.wrapper], "the host's, opened to its user"), ([], "a node of its own")):
            self.world.host("chmod", "0666", "/dev/net/tun")
            self.world.guest(fake=script)
            umld = Daemon(self.world, wrapper=wrapper).wait_ready()
            self.assertEqual(umld.status()["confinement"]["tun"], "the host's")
            self.world.host("chmod", "0600", "/dev/net/tun")
            since = len(umld.messages)
            os.kill(umld.guest_pid(), signal.SIGKILL)
            umld.wait_state("running", since=since)
            self.assertEqual(umld.status()["confinement"]["tun"], access)
            self.assertEqual(umld.stop(), DONE)
            self.assertEqual(self.mode(), "600")
        self.assertNotIn("TUNSETIFF failed", (self.world.log_dir / "web/console.log").read_text())

    def test_umld_killed(self):
        umld = self.start(fake="lock,tap,helpers:3,boot,ready")
        umld.kill()
        wait_until(lambda: not self.world.processes(), what="the end of the guest of an umld that was killed")
        self.assertEqual(self.mode(), "660")
        again = self.start(fake="lock,tap,boot,ready")
        again.stop()
        self.assertEqual(self.mode(), "600")

    def test_real_kernel(self):
        """No helper of a 6.x kernel is left after a SIGKILL of its main process."""
        with tempfile.TemporaryDirectory(dir="/var/tmp") as directory:
            image = Path(directory) / "root.img"
            subprocess.run([umldtest.MAKE_GUEST, image], check=True)
            umld = self.start(kernel=umldtest.DEBIAN_KERNEL, image=image)
        page = self.world.fetch_when_served()
        old = list(self.world.processes())
        os.kill(umld.guest_pid(), signal.SIGKILL)
        self.world.fetch_when_served(unlike=page)
        left = [p for p in old if umldtest.process_alive(p) and p != umld.pid and "umld-init" not in
                self.world.processes().get(p, "umld-init")]
        self.assertEqual(left, [])
        umld.stop()
        self.assertEqual(self.world.processes(), {})
        self.assertEqual(umldtest.clean_file_system(self.world.image()), "")

    def scratch(self):
        path = self.world.dir / "scratch"
        path.mkdir(exist_ok=True)
        path.chmod(0o777)
        return path / "count"


if __name__ == "__main__":
    umldtest.main()

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The test world and the image of the default guest, on which all other tests stand."""

import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from umldtest import (FAR, HOST, INET, WORLD, Daemon, Snapshot, TestCase, World, main,
                      process_alive, wait_until)


def machine():
    """What a world must leave alone."""
    commands = ("ip -o link", "ip -o address", "ip route", "cat /proc/sys/net/ipv4/ip_forward", "cat /proc/mounts")
    # Other tests may make and end worlds of their own meanwhile.
    return [line for command in commands
            for line in subprocess.run(command.split(), stdout=subprocess.PIPE, encoding="utf-8").stdout.splitlines()
            if "/run/netns" not in line]


class WorldTest(TestCase):
    def test_addresses(self):
        self.assertIn(f"{HOST}/32", self.world.host("ip", "-o", "address", "show", "venet0"))
        self.assertEqual(self.world.host("ip", "route").split(), "default dev venet0 scope link".split())
        with self.world.socket("inet") as server, self.world.socket("host") as client:
            server.bind((FAR, 80))
            server.listen()
            client.settimeout(2)
            client.connect((FAR, 80))
            self.assertEqual(server.accept()[1][0], HOST)
        with self.world.socket("host") as server, self.world.socket("inet") as client:
            server.bind((HOST, 80))
            server.listen()
            client.settimeout(2)
            client.connect((HOST, 80))
            self.assertEqual(server.accept()[1][0], INET)

    def test_private_mounts(self):
        self.world.host("sh", "-c", "echo x >/dev/shm/world-test")
        self.assertFalse(Path("/dev/shm/world-test").exists())
        self.assertEqual(self.world.host("ls", "/sys/class/net").split(), ["lo", "venet0"])
        machines = [f.name for f in Path("/sys/fs/cgroup").iterdir() if not f.name.startswith("umld-")]
        self.assertLessEqual(set(machines), set(self.world.host("ls", "/sys/fs/cgroup").split()))
        self.world.host("sysctl", "-qw", "net.ipv4.ip_forward=1")

    def test_machine_is_left_alone(self):
        before = machine()
        with World() as other:
            other.host("sysctl", "-qw", "net.ipv4.ip_forward=1")
            other.host("mount", "-t", "tmpfs", "none", "/mnt")
            other.host("iptables-legacy", "-A", "FORWARD", "-j", "ACCEPT")
        self.assertEqual(machine(), before)

    def test_environment(self):
        text = self.world.host("sh", "-c", "env; pwd")
        for line in self.world.variables.items():
            self.assertIn("=".join(line), text)
        self.assertEqual(text.splitlines()[-1], os.getcwd())

    def test_status_and_signals_pass(self):
        self.assertEqual(self.world.run("host", "sh", "-c", "exit 42").returncode, 42)
        self.assertEqual(self.world.run("inet", "sh", "-c", "kill -9 $$").returncode, -9)

    def test_down_ends_everything(self):
        """Daemons, those in other namespaces below, those that ignore signals; again and again."""
        world = World()
        started = [subprocess.Popen(world.command(part, *command)) for part, command in (
            ("host", ["sleep", "1000"]),
            ("inet", ["sleep", "1000"]),
            ("host", ["unshare", "-m", "-p", "-f", "--kill-child", "sleep", "1000"]),
            ("host", ["setsid", "sh", "-c", "trap '' TERM HUP INT; while :; do sleep 1000; done"]),
            ("host", ["unshare", "-n", "sleep", "1000"]))]
        wait_until(lambda: len([c for part in ("host", "inet") for c in world.processes(part).values()
                                if c.startswith(("sleep", "unshare"))]) >= 4, what="all of them at work")
        world.down()
        for process in started:
            process.wait(5)
        self.assertFalse(world.dir.exists())
        self.assertNotIn(world.name, subprocess.run(["ip", "netns"], stdout=subprocess.PIPE, encoding="utf-8").stdout)
        world.down()

    def test_group(self):
        """All of a world is in its control group, which ends with it, whatever is in there and however it is."""
        with World() as world:
            escaped = subprocess.Popen(world.command("host", "unshare", "-n", "-m", "sleep", "1000"))
            self.addCleanup(escaped.kill)
            world.guest(fake="boot,ready")
            before = Snapshot(world)
            umld = Daemon(world).wait_ready()
            if umld.status()["confinement"]["cgroup"] != "on":  # then nothing is left behind either
                self.assertEqual(list(Snapshot.cgroups(world)), [])
                return
            member = world.group / f"umld-web.{umld.pid}"
            self.assertIn(f"+{member}\n", before.difference(Snapshot(world)))
            inside = (world.group / "cgroup.procs").read_text().split()
            for pid in (escaped.pid, umld.pid, (world.dir / "inet.keeper").read_text().split()[0]):
                self.assertIn(str(pid), inside)
            umld.kill()
            self.assertTrue(member.exists())  # nobody was there to remove it
            (world.group / "cgroup.freeze").write_text("1")
            world.down()
            self.assertFalse(world.group.exists())
            escaped.wait(5)

    def test_groups_of_tests(self):
        """Those of other controllers go with the world, and what runs in them."""
        parents = [p for p in (Path("/sys/fs/cgroup/freezer"), Path("/sys/fs/cgroup")) if (p / "cgroup.procs").exists()]
        for parent in parents:
            with World() as world:
                group = world.other_group(parent)
                left = subprocess.Popen(["sleep", "1000"])
                (group / "cgroup.procs").write_text(str(left.pid))
                if (group / "freezer.state").exists():
                    (group / "freezer.state").write_text("FROZEN")
            self.assertFalse(group.exists())
            left.wait(5)

    def test_group_in_its_way(self):
        """An empty one is of a world that was killed before it had written down what it has."""
        if not self.world.group:
            self.skipTest("no control group of version 2 on this machine")
        name = f"{self.world.name}-old"
        group = self.world.group.with_name(f"umld-world-{name}")
        (group / "umld-web.1").mkdir(parents=True)
        self.addCleanup(subprocess.run, [WORLD, "down", name])
        left = subprocess.Popen(["sleep", "1000"])
        self.addCleanup(left.kill)
        (group / "cgroup.procs").write_text(str(left.pid))
        p = subprocess.run([WORLD, "up", name], stderr=subprocess.PIPE, encoding="utf-8")
        self.assertEqual((p.returncode, p.stderr), (1, f"world: there is a foreign control group {group}\n"
                                                       f"world: world '{name}' could not be made\n"))
        self.assertTrue((group / "umld-web.1").exists())
        left.kill()
        left.wait(5)
        subprocess.run([WORLD, "up", name], check=True)
        self.assertFalse((group / "umld-web.1").exists())

    def test_without_groups(self):
        """On a machine that has none to give."""
        name = f"{self.world.name}-none"
        script = f"mount -t tmpfs tmpfs /sys/fs/cgroup; {WORLD} up {name}; {WORLD} run {name} host -- " \
                 f"cat {self.world.dir.parent}/{name}/group; {WORLD} down {name}; {WORLD} list"
        p = subprocess.run(["unshare", "-m", "sh", "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                           encoding="utf-8", timeout=60)
        self.assertEqual(p.returncode, 0)
        self.assertRegex(p.stderr, r"\Acat: .*/group'?: No such file or directory\n\Z")
        self.assertNotIn(name, p.stdout)

    def test_up_after_its_keepers_were_killed(self):
        """As a reboot leaves it: directories and files, no process."""
        with World() as world:
            left = subprocess.Popen(world.command("host", "sleep", "1000"))
            pids = [int((world.dir / f"{part}.keeper").read_text().split()[0]) for part in ("host", "inet")]
            for pid in pids:
                os.kill(pid, 9)
            while any(process_alive(pid) for pid in pids):
                pass
            listed = subprocess.run([WORLD, "list"], stdout=subprocess.PIPE, encoding="utf-8").stdout
            self.assertRegex(listed, rf"{world.name} +down")
            self.assertEqual(world.run("host", "true").returncode, 1)
            subprocess.run([WORLD, "up", world.name], check=True)
            left.wait(5)
            self.assertEqual(world.run("host", "true").returncode, 0)

    def test_errors(self):
        for arguments in (["up", self.world.name], ["up", "Bad_Name"], ["run", "no-such-world", "host", "--", "true"],
                          ["run", self.world.name, "moon", "--", "true"], ["env", "no-such-world"]):
            with self.subTest(arguments=arguments):
                p = subprocess.run([WORLD, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   encoding="utf-8")
                self.assertNotEqual(p.returncode, 0)
                self.assertEqual(len(p.stderr.splitlines()), 1, p.stderr)

    def test_caller_gets_its_pipe_back(self):
        """A world that is up keeps nothing open that its maker waits for."""
        name = f"{self.world.name}-pipe"
        try:
            subprocess.run(f"{WORLD} up {name} 3>&1 | cat", shell=True, check=True, timeout=20)
        finally:
            subprocess.run([WORLD, "down", name], check=True)


if __name__ == "__main__":
    main()

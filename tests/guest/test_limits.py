#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What a guest may use of its host's memory and CPUs, where the host has control groups that limit it."""

import os
import re
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from umldtest import DONE, SOURCE, USAGE, TestCase, main, preloaded, wait_until

MEBIBYTE = 1 << 20


def group_of(pid, controller):
    """The directory of a process in the hierarchy with that controller: of version 1, else of version 2."""
    mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    lines = Path(f"/proc/{pid}/cgroup").read_text(encoding="utf-8").splitlines()
    for kind, wanted in (("cgroup", controller), ("cgroup2", "")):
        place = [line.split(":", 2)[2] for line in lines if wanted in line.split(":", 2)[1].split(",")]
        for mount in mounts:
            fields, options = mount.split(" - ")[0].split(), mount.split(" - ")[1].split()
            if options[0] == kind and place and (kind == "cgroup2" or controller in options[2].split(",")):
                below = place[0] if fields[3] == "/" else place[0].removeprefix(fields[3])
                return Path(fields[4] + below), kind == "cgroup2"
    return None, None


def has(controller):
    path, unified = group_of("self", controller)
    return path and (not unified or controller in (path / "cgroup.controllers").read_text(encoding="ascii").split())


class Limits(TestCase):
    def start_guest(self, guest=(), confine=(), wait=True):
        self.world.guest("web", fake="boot,ready")
        text = self.world.config_dir / "web.conf"
        text.write_text(text.read_text() + "[Guest]\n" + "".join(f"{line}\n" for line in guest)
                        + "[Confine]\n" + "".join(f"{line}\n" for line in confine))
        umld = self.daemon()
        return umld.wait_ready() if wait else umld

    def processes(self, umld):
        """Of the guest: its kernel's, and the umld-init above it."""
        init = int(re.search(r"PPid:\s+(\d+)", Path(f"/proc/{umld.guest_pid()}/status").read_text())[1])
        return {umld.guest_pid(), init}

    def assert_limits(self, umld, controller, expected):
        path, unified = group_of(umld.guest_pid(), controller)
        self.assertEqual(path.name, f"umld-web.{umld.pid}")
        for name, value in expected[unified].items():
            self.assertEqual((path / name).read_text(encoding="ascii").strip(), value, name)
        inside = {int(pid) for pid in (path / "cgroup.procs").read_text(encoding="ascii").split()}
        self.assertLessEqual(self.processes(umld), inside)
        self.assertNotIn(umld.pid, inside)
        return path

    def assert_required_refused(self, guest, layer):
        umld = self.start_guest(guest, [f"Required={layer}"], wait=False)
        self.assertEqual(umld.wait(), USAGE)
        self.assertIn(f"Required={layer}: this host refuses that layer of confinement", umld.log)

    def test_memory(self):
        if not has("memory"):
            return self.assert_required_refused([], "memory")
        umld = self.start_guest([], ["Required=memory"])
        self.assertEqual(umld.status()["confinement"]["memory"], "on, 320M")
        self.assertEqual(umld.status()["confinement"]["cpu"], "off (configuration)")
        limit = str(320 * MEBIBYTE)
        path = self.assert_limits(umld, "memory", {False: {"memory.limit_in_bytes": limit}, True: {"memory.max": limit}})
        self.assertEqual(umld.stop(), DONE)
        self.assertFalse(path.exists())
        return None

    def test_cpu(self):
        if not has("cpu"):
            return self.assert_required_refused(["CPUQuota=150%"], "cpu")
        umld = self.start_guest(["CPUWeight=50", "CPUQuota=150%"], ["Required=cpu", "MemoryLimit=no"])
        self.assertEqual(umld.status()["confinement"]["cpu"], "on, weight 50, at most 150%")
        self.assertEqual(umld.status()["confinement"]["memory"], "off (configuration)")
        path = self.assert_limits(umld, "cpu", {
            False: {"cpu.shares": "512", "cpu.cfs_period_us": "100000", "cpu.cfs_quota_us": "150000"},
            True: {"cpu.weight": "50", "cpu.max": "150000 100000"}})
        # One that is killed leaves them to the next.
        umld.kill()
        umld = self.daemon().wait_ready()
        wait_until(lambda: not path.exists(), what="the end of what the killed umld made")
        self.assertEqual(umld.stop(), DONE)
        self.assertFalse(path.with_name(f"umld-web.{umld.pid}").exists())
        return None

    def test_bandwidth(self):
        """On the tap; the host's kernel may lack the policer for what comes from the guest."""
        self.world.guest("web", fake="boot,ready", Network={"Bandwidth": "in:8M out:2M"})
        umld = self.daemon().wait_ready()
        found = umld.status()["confinement"]["bandwidth"]
        self.assertRegex(found, r"^on, in 8 Mbit/s, out 2 Mbit/s$|^refused \(.+\), in 8 Mbit/s, out not limited$")
        self.assertIn("tbf", self.world.host("tc", "qdisc", "show", "dev", "tap0"))
        self.assertIn("rate 8Mbit", self.world.host("tc", "qdisc", "show", "dev", "tap0"))
        os.kill(umld.guest_pid(), signal.SIGKILL)
        wait_until(lambda: umld.status()["restarts"] == 1 and umld.status()["state"] == "running", what="another boot")
        self.assertIn("rate 8Mbit", self.world.host("tc", "qdisc", "show", "dev", "tap0"))
        self.assertEqual(umld.status()["confinement"]["bandwidth"], found)
        self.assertEqual(umld.stop(), DONE)

    def test_no_policer(self):
        """Where the host has none, what comes from the guest is not limited; that is said, and may be required."""
        network = {"Bandwidth": "in:8M out:2M"}
        self.world.guest("web", fake="boot,ready", Network=network)
        umld = self.daemon(env=preloaded("no-police.so")).wait_ready()
        found = umld.status()["confinement"]["bandwidth"]
        self.assertRegex(found, r"^refused \(.+\), in 8 Mbit/s, out not limited$")
        self.assertRegex(umld.log, "confinement: the layer bandwidth is not in force: .+; in 8 Mbit/s, out not limited")
        self.assertIn("rate 8Mbit", self.world.host("tc", "qdisc", "show", "dev", "tap0"))
        self.assertIn(found, self.world.umlctl("status", "web").stdout)
        self.assertEqual(umld.stop(), DONE)
        self.world.guest("web", fake="boot,ready", Network=network, Confine={"Required": "bandwidth"})
        umld = self.daemon(env=preloaded("no-police.so"))
        self.assertEqual(umld.wait(), USAGE)
        self.assertIn("Required=bandwidth: this host refuses that layer of confinement", umld.log)

    def test_refused(self):
        """Hosts without: the guest runs, the status says so, and Required= is the word for those who want it."""
        self.world.host("mount", "-t", "tmpfs", "tmpfs", "/sys/fs/cgroup")
        umld = self.start_guest(["CPUWeight=50"])
        found = umld.status()["confinement"]
        self.assertRegex(found["memory"], r"^refused \(.+\), only that of each process is limited$")
        self.assertRegex(found["cpu"], r"^refused \(.+\), CPUWeight= and CPUQuota= have no effect$")
        self.assertIn("confinement: the layer cpu is not in force: ", umld.log)
        self.assertEqual(umld.stop(), DONE)
        self.assert_required_refused(["CPUWeight=50"], "cpu")

    def test_no_move(self):
        """A group can be made, but no process can move there: umld-init finds that out, at each start."""
        if has("memory") and group_of("self", "memory")[1]:
            self.skipTest("the memory controller is of version 2 here, where the guest begins in its group")
        env = preloaded("no-group.so")
        self.world.guest("web", fake="boot,ready")
        umld = self.daemon(env=env).wait_ready()
        self.assertEqual(umld.status()["confinement"]["memory"], "refused (Permission denied)")
        self.assertIn("confinement: the layer memory is not in force: Permission denied", umld.log)
        self.assertEqual(umld.stop(), DONE)
        self.world.guest("web", fake="boot,ready", Confine={"Required": "memory"})
        umld = self.daemon(env=env)
        self.assertEqual(umld.wait(), USAGE)
        self.assertIn("Required=memory: this host refuses that layer of confinement: Permission denied", umld.log)


class Privileges(TestCase):
    """Of umld itself, where no service manager has taken any away."""

    def test_capabilities(self):
        words = re.findall(r"\{ CAP_(\w+), (true|false),\s+\"(.*)\" \}", (SOURCE / "daemon/privileges.c").read_text(encoding="utf-8"))
        kept = {name for name, set_up, _ in words if set_up == "false"}
        unit = (SOURCE / "systemd/umld@.service.in").read_text(encoding="utf-8")
        self.assertEqual({name[4:] for name in re.search(r"^CapabilityBoundingSet=(.+)$", unit, re.M)[1].split()},
                         kept - {name for name, _, purpose in words if purpose.endswith("the unit is without it")})
        self.world.guest("web", fake="boot,ready")
        umld = self.daemon().wait_ready()
        wanted = sum(1 << number_of(name) for name in kept)
        umld.status()  # it is beyond the change of its state
        found, ours = self.sets(umld.pid), self.sets("self")
        self.assertEqual(found, {name: ours[name] & wanted for name in ours})
        self.assertLess(found["CapEff"], ours["CapEff"])
        os.kill(umld.guest_pid(), signal.SIGKILL)  # what is left is enough for another boot, and an end
        wait_until(lambda: umld.status()["restarts"] == 1 and umld.status()["state"] == "running", what="another boot")
        self.assertEqual(umld.stop(), DONE)

    @staticmethod
    def sets(pid):
        text = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
        return {name: int(value, 16) for name, value in re.findall(r"^(CapPrm|CapEff|CapBnd):\s+(\w+)$", text, re.M)}


def number_of(capability):
    """As the kernel's header has it."""
    header = Path("/usr/include/linux/capability.h").read_text(encoding="utf-8")
    return int(re.search(rf"#define CAP_{capability}\s+(\d+)", header)[1])


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""umlctl doctor: each fault of a host, made on purpose, is found, named with its remedy, and repaired where umld can."""

import contextlib
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import umldtest  # noqa: E402
from terminal import Terminal  # noqa: E402
from umldtest import (BUILD, DEBIAN_KERNEL, DONE, FAILED, NO_GUEST, NOT_PERMITTED, USAGE, TestCase,  # noqa: E402
                      main, preloaded, wait_until)

OLD_HOST = BUILD / "tests/guest/old-host"
NOBODY = 65534


class DoctorTest(TestCase):
    def find(self, *arguments, wrapper=(), env=None, code=None):
        """{check: (verdict, text, remedy, repair)} of umld --doctor; of several with one name the worst."""
        p = self.world.run("host", *wrapper, *umldtest.with_variables(env or {}), self.world.program("daemon/umld"), "--doctor",
                           *arguments)
        rank = ["ok", "unknown", "warning", "fault"].index
        found = {}
        for line in p.stdout.splitlines():
            _, name, *rest = line.split("\t")
            self.assertEqual(len(rest), 4, line)
            if name not in found or rank(rest[0]) > rank(found[name][0]):
                found[name] = tuple(rest)
        self.findings, self.output = found, p.stdout
        faults = {name: f for name, f in found.items() if f[0] == "fault"}
        self.assertEqual(p.returncode, code if code is not None else FAILED if faults else DONE, p.stdout + p.stderr)
        return found

    def faults(self, *arguments, **options):
        found = self.find(*arguments, **options)
        return {name for name, f in found.items() if f[0] == "fault"}

    def refuse(self, *words):
        return [self.world.program("tests/lib/refuse"), *words, "--"]

    def shell(self, command):
        return self.world.host("sh", "-c", command)

    def repair(self, check, *arguments):
        return self.world.run("host", self.world.program("daemon/umld"), f"--repair={check}", *arguments)

    def assert_found(self, name, verdict, text, remedy=".*"):
        self.assertEqual(self.findings[name][0], verdict, self.findings[name])
        self.assertRegex(self.findings[name][1], text)
        self.assertRegex(self.findings[name][2], remedy)


class Healthy(DoctorTest):
    def trials(self):
        return set(Path("/tmp").glob("umld-doctor-*"))

    def test_no_guest(self):
        """Before any guest exists; and nothing of the host has changed afterwards."""
        before, others = self.world.snapshot(), self.trials()
        p = self.world.umlctl("doctor", "--json")
        self.assertEqual(p.returncode, DONE, p.stdout + p.stderr)
        self.assertEqual((p.json["guest"], p.json["can_start"]), (None, True))
        found = {c["check"]: c for c in p.json["checks"]}
        self.assertEqual({c["verdict"] for c in p.json["checks"]} - {"ok", "unknown", "warning"}, set())
        for check in ("tun", "masquerade", "snat", "ptrace", "seccomp", "namespaces", "queue", "kernel", "boot", "memory-file"):
            self.assertEqual(found[check]["verdict"], "ok", found[check])
        self.assertRegex(found["system-calls"]["text"], r"^[1-9]\d+ system calls a second under ptrace$")
        self.assertRegex(found["boot"]["text"], r"^Linux \S+ boots, runs its init and halts within ")
        memory = int(re.search(r"; it took (\d+)M of memory at most$", found["boot"]["text"])[1])
        self.assertTrue(8 <= memory <= 64, memory)
        p = self.world.umlctl("doctor")
        self.assertEqual(p.returncode, DONE)
        self.assertRegex(p.stdout, r"(?m)^  ok       tun              /dev/net/tun works$")
        self.assertRegex(p.stdout, r"(?m)^a guest can start here$")
        self.assertNotIn("\033", p.stdout)
        self.assert_same_host(before)
        wait_until(lambda: self.trials() <= others, 60, "the end of trials, which other tests may make as well")

    def test_of_a_guest(self):
        self.world.guest(kernel=DEBIAN_KERNEL)
        p = self.world.umlctl("doctor", "web", "--json")
        self.assertEqual((p.returncode, p.json["guest"], p.json["can_start"]), (DONE, "web", True), p.stdout)
        names = {c["check"] for c in p.json["checks"]}
        self.assertLessEqual({"configuration", "disks", "leftovers", "reach"}, names)
        self.assertEqual(self.world.umlctl("doctor", "db").returncode, NO_GUEST)
        self.assertEqual(self.world.umlctl("doctor", "no guest").returncode, USAGE)

    def test_running(self):
        """Its own umld has what it needs."""
        self.world.guest(fake="lock,tap,boot,ready")
        umld = self.daemon().wait_ready()
        self.assertEqual(self.faults("web"), set())
        self.assert_found("leftovers", "ok", "nothing is left")
        self.assertEqual(umld.stop(), DONE)

    def test_without_root(self):
        """What only root can see is unknown, and no fault; but then nobody knows whether a guest could start."""
        nobody = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
        self.assertEqual(self.faults(wrapper=nobody, code=FAILED), set())
        self.assert_found("rights", "warning", "not run as root")
        self.assert_found("masquerade", "unknown", "only root can tell")
        self.assert_found("ptrace", "ok", "can be intercepted")
        self.assertEqual({f[3] for f in self.findings.values()}, {""})
        p = self.world.run("host", *nobody, *umldtest.with_variables({"UMLD_DAEMON": str(self.world.program("daemon/umld"))}),
                           self.world.program("umlctl/umlctl"), "doctor", "--fix")
        self.assertEqual(p.returncode, NOT_PERMITTED, p.stderr)
        self.assertEqual(self.world.run("host", *nobody, self.world.program("daemon/umld"), "--repair=tun").returncode,
                         NOT_PERMITTED)


class Trial(DoctorTest):
    """The boot that is measured; what is booted may be a stranger's kernel."""
    USER = 60795

    def kernel(self):
        """The pid of ours: other tests may have one as well."""
        ours = str(self.world.program("tests/guest/fake-guest"))
        for status in Path("/proc").glob("[0-9]*/status"):
            with contextlib.suppress(OSError):
                text = status.read_text(encoding="ascii")
                if f"\nUid:\t{self.USER}\t" in text and status.with_name("cmdline").read_text(encoding="ascii").split("\0")[0] == ours:
                    return int(status.parent.name)
        return None

    def test_confined(self):
        """The fake kernel boots, and never ends."""
        self.world.guest(fake="boot,ready")
        p = subprocess.Popen(self.world.command("host", self.world.program("daemon/umld"), "--measure", "web"),
                             stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        self.addCleanup(p.wait)
        self.addCleanup(p.kill)
        pid = wait_until(self.kernel, 30, "the kernel of the trial")
        state = Path(f"/proc/{pid}/status").read_text(encoding="ascii") + Path(f"/proc/{pid}/limits").read_text(encoding="ascii")
        for line in (rf"Uid:(\t{self.USER}){{4}}", rf"Gid:(\t{self.USER}){{4}}", r"Groups:\t *", r"CapBnd:\t0+", r"CapEff:\t0+",
                     r"NoNewPrivs:\t1", r"Max processes +64 +64 .*", r"Max core file size +0 +0 .*"):
            self.assertRegex(state, f"(?m)^{line}$")
        directory = next(w[8:] for w in Path(f"/proc/{pid}/cmdline").read_text(encoding="ascii").split("\0")
                         if w.startswith("uml_dir="))
        os.kill(int(re.search(r"(?m)^PPid:\t(\d+)$", state)[1]), signal.SIGKILL)
        wait_until(lambda: not umldtest.process_alive(pid), 30, "the end of the trial's kernel")
        self.addCleanup(lambda: os.path.isdir(directory) and os.rmdir(directory))
        self.assertEqual(os.listdir(directory), [])
        os.utime(directory, (1, 1))
        self.find("--measure")
        self.assertFalse(os.path.exists(directory))


class Host(DoctorTest):
    def test_limits(self):
        self.find(wrapper=["prlimit", "--nofile=100", "--nproc=50"])
        said = [f for f in self.findings.values() if "umld may have only" in f[1]]
        self.assertEqual(len(said), 1)  # find() has the worst of one name
        self.assert_found("limits", "warning", "only (100 open files|50 processes)", r"raise it \(ulimit -[nu] \d+\)")
        self.find()
        self.assert_found("limits", "ok", "open files")

    def test_clock(self):
        """umld was installed in the future."""
        umld = self.world.install(BUILD / "daemon/umld", self.world.dir / "later/umld")
        for path in (umld, umld.parent):
            os.utime(path, (2**32 - 1, 2**32 - 1))
        p = self.world.run("host", umld, "--doctor")
        self.assertRegex(p.stdout, r"(?m)^host\tclock\twarning\tthe host's clock shows a time before")
        self.find()
        self.assert_found("clock", "ok", "synchronise")


    def test_what_it_is(self):
        """Facts without a fault, which a report of a problem needs."""
        self.find()
        release = os.uname().release
        self.assert_found("versions", "ok", rf"^umld \S+, Linux {re.escape(release)}, \S+, glibc 2\.\d+$")
        self.assert_found("user-namespaces", "ok", "umld needs none")
        self.assert_found("addresses", "ok", r"^host 10\.0\.0\.1/24, guest 10\.0\.0\.2 would be free$")
        self.assert_found("tap", "ok", "^tap0$")

    def test_old_kernel(self):
        """As a kernel of OpenVZ says who it is."""
        self.find(wrapper=["setarch", "--uname-2.6"])
        self.assert_found("versions", "ok", r"^umld \S+, Linux 2\.6\.\S+, ")

    def test_service_manager(self):
        """Which one it is, and whether it would start a guest."""
        self.shell("mount -t tmpfs -o mode=0755 tmpfs /etc/init.d")
        self.find()
        self.assert_found("service-manager", "warning", "^systemd is not PID 1, and there is no boot script /etc/init.d/umld", "init-script=lsb")
        self.shell("printf '#!/bin/sh\n' >/etc/init.d/umld && chmod 755 /etc/init.d/umld")
        self.find()
        self.assert_found("service-manager", "ok", "^systemd is not PID 1: umlctl starts umld itself, and the boot script ")
        self.shell("mount -t tmpfs -o mode=0755 tmpfs /run/systemd && mkdir /run/systemd/system && "
                   "for d in /etc/systemd/system /usr/lib/systemd/system; do mount -t tmpfs -o mode=0755 tmpfs $d; done")
        self.find()
        self.assert_found("service-manager", "warning", "does not have the unit umld@.service", "its unit")
        self.shell("touch /usr/lib/systemd/system/umld@.service")
        self.find()
        self.assert_found("service-manager", "ok", r"^systemd is PID 1: guests are units umld@NAME$")

    def test_beancounters(self):
        """As OpenVZ's kernels print them; this one has none."""
        self.find()
        self.assertNotIn("beancounters", self.findings)
        table = self.world.dir / "user_beancounters"
        env = {**preloaded("other-file.so"), "FILE": "/proc/user_beancounters", "OTHER_FILE": str(table)}
        head = ("Version: 2.5\n       uid  resource                     held              maxheld              barrier"
                "                limit              failcnt\n")
        table.write_text(head + f"      101:  kmemsize {2 << 20} {3 << 20} {64 << 20} {64 << 20} 0\n", encoding="ascii")
        self.find(env=env)
        self.assert_found("beancounters", "ok", "has refused nothing")
        table.write_text(head + f"      101:  kmemsize {2 << 20} {3 << 20} {64 << 20} {64 << 20} 0\n"
                         "            privvmpages 5000 9000 1048576 1048576 0\n"
                         "            numproc 40 50 50 50 17\n            numiptent 20 24 24 24 3\n", encoding="ascii")
        self.assertEqual(self.faults(env=env), set())
        said = [line.split("\t")[3] for line in self.output.splitlines() if line.startswith("host\tbeancounters\twarning\t")]
        self.assertEqual(said, ["numproc, processes and threads: 17 requests were refused; 40 are held",
                                "numiptent, firewall rules: 3 requests were refused; 20 are held"])
        self.assert_found("beancounters", "warning", "numproc", "ask the provider for more")

    def test_many_mounts(self):
        """More of them than fit into 64 KiB, before that of the control groups."""
        table = self.world.dir / "mountinfo"
        env = {**preloaded("other-file.so"), "FILE": "/proc/self/mountinfo", "OTHER_FILE": str(table)}
        lines = "".join(f"{i} 1 0:{i} / /srv/guest{i} rw,relatime - tmpfs tmpfs rw,size=1024k\n" for i in range(100000, 103000))
        self.assertGreater(len(lines), 2 * 65536)
        table.write_text(lines, encoding="ascii")
        self.find(env=env)
        self.assert_found("cgroup", "warning", "no control groups")
        table.write_text(lines + self.shell("cat /proc/self/mountinfo"), encoding="utf-8")
        self.find(env=env)
        self.assert_found("cgroup", "ok", "^each guest can have a control group of its own$")


class Devices(DoctorTest):
    def test_tun(self):
        self.shell("mount -t tmpfs tmpfs /dev/net")
        self.assertEqual(self.faults(), {"tun"})
        self.assert_found("tun", "fault", "^there is no /dev/net/tun$", "panel.*mknod")
        self.assertEqual(self.findings["tun"][3], "make the device node /dev/net/tun")
        p = self.world.umlctl("doctor", "--fix")
        self.assertEqual(p.returncode, USAGE, p.stderr)  # nobody can be asked
        p = self.world.umlctl("doctor", "--fix", "--force")
        self.assertEqual(p.returncode, DONE, p.stdout + p.stderr)
        self.assertIn("tun: done", p.stderr)
        self.assertEqual(self.shell("stat -c '%F %a %t %T' /dev/net/tun").strip(), "character special file 600 a c8")
        p = self.repair("tun")
        self.assertEqual(p.returncode, USAGE)
        self.assertIn("tun: there is nothing that umld can repair", p.stderr)

    def test_tun_forbidden(self):
        """As the device control group of a container does it."""
        self.shell("mount -t tmpfs -o nodev tmpfs /dev/net && mknod /dev/net/tun c 10 200")
        self.assertEqual(self.faults(), {"tun"})
        self.assert_found("tun", "fault", "/dev/net/tun: Operation not permitted", "device control group .* panel")
        self.assertEqual(self.findings["tun"][3], "")

    def test_other_node(self):
        self.shell("mount -t tmpfs tmpfs /dev/net && mknod /dev/net/tun c 1 3")
        self.assertEqual(self.faults(), {"tun"})
        self.assert_found("tun", "fault", "is not the node of the TUN driver", "mknod")


    def test_no_driver(self):
        """A node that no driver is behind; umld tries to load one, and says that it did not help."""
        self.shell("mount -t tmpfs tmpfs /dev/net && mknod /dev/net/tun c 10 253")
        self.assertEqual(self.faults(), {"tun"})
        self.assert_found("tun", "fault", "no TUN driver behind /dev/net/tun", "modprobe tun, or .* panel")
        self.assertEqual(self.findings["tun"][3], "load the kernel module tun")
        p = self.repair("tun")
        self.assertNotEqual(p.returncode, DONE)
        self.assertIn("tun: ", p.stderr)

    def test_asked(self):
        """On a terminal, where the answer counts."""
        self.shell("mount -t tmpfs tmpfs /dev/net")
        for answer, code, there in (("n", FAILED, False), ("", FAILED, False), ("y", DONE, True)):
            terminal = Terminal(None, *self.world.command(
                "host", "env", f"UMLD_DAEMON={self.world.program('daemon/umld')}", self.world.program("umlctl/umlctl"), "doctor", "--fix"))
            self.addCleanup(terminal.process.kill)
            terminal.wait_for("Make the device node /dev/net/tun? [y/N] ", 120)
            terminal.type(answer + "\r")
            self.assertEqual(terminal.end(120), code, terminal.text)
            self.assertEqual(self.shell("ls /dev/net").strip(), "tun" if there else "")
            self.assertEqual("tun: done" in terminal.text, there)


class Processes(DoctorTest):
    def test_ptrace(self):
        self.assertEqual(self.faults(wrapper=self.refuse("ptrace")), {"ptrace"})
        self.assert_found("ptrace", "fault", r"does not let a process trace its children.*\(Operation not permitted\)",
                          "ask the provider")

    def test_yama(self):
        self.shell("mount -t tmpfs tmpfs /proc/sys/kernel && mkdir /proc/sys/kernel/yama && "
                   "echo 3 >/proc/sys/kernel/yama/ptrace_scope")
        self.assertEqual(self.faults(), {"yama"})
        self.assert_found("yama", "fault", "is 3", "sysctl.d")
        self.shell("echo 1 >/proc/sys/kernel/yama/ptrace_scope")
        self.assertEqual(self.faults(), set())
        self.assert_found("yama", "ok", "is 1")

    def test_confinement(self):
        self.assertEqual(self.faults(wrapper=self.refuse("seccomp")), set())
        self.assert_found("seccomp", "warning", "refuses filters of system calls")
        self.shell("mount -t tmpfs tmpfs /sys/fs/cgroup")
        wrapper = [self.world.install(OLD_HOST, self.world.dir / "old-host")]
        self.assertEqual(self.faults(wrapper=wrapper), set())
        self.assert_found("namespaces", "warning", "pid, ipc, uts, network, mount", "nesting")
        self.assert_found("user-namespaces", "ok", r"^refused \(.*\); umld needs none$")
        self.assert_found("cgroup", "warning", "no control groups")
        self.assert_found("masquerade", "unknown", "were not tried")
        self.world.guest(fake="boot,ready", Confine={"Required": "pid-namespace"})
        self.assertEqual(self.faults("web", wrapper=wrapper), {"confinement"})
        self.assert_found("confinement", "fault", "Required=pid-namespace: this host refuses", "remove it")


class Memory(DoctorTest):
    def test_shm(self):
        self.shell("mount -o remount,ro /dev/shm")
        self.find()
        self.assert_found("shm", "warning", "/dev/shm is read-only", "mount a tmpfs")
        self.shell("mount -o remount,rw,noexec /dev/shm")
        self.find()
        self.assert_found("shm", "ok", "noexec, which is changed for guests")
        self.assertRegex(self.findings["shm"][1], r"^a tmpfs of 64M, 0M in use")
        self.shell("umount -l /dev/shm; mkdir -p /dev/shm; mount -t ramfs ramfs /dev/shm")
        self.find()
        self.assert_found("shm", "warning", "/dev/shm is no tmpfs", "mount a tmpfs there")

    def test_backing(self):
        """Every place for the memory file is refused."""
        self.shell("mount -o remount,ro /dev/shm")
        self.world.guest(fake="boot,ready", Memory={"Backing": "shm"})
        self.assertIn("memory-file", self.faults("web"))
        self.assert_found("memory-file", "fault", "/dev/shm is read-only", "mount a tmpfs there")

    def test_short(self):
        text = Path("/proc/meminfo").read_text(encoding="ascii")
        fake = self.world.dir / "meminfo"
        fake.write_text("\n".join("MemAvailable: 20480 kB" if line.startswith("MemAvailable") else line
                                  for line in text.splitlines()) + "\n", encoding="ascii")
        self.shell(f"mount --bind {fake} /proc/meminfo")
        self.find()
        self.assert_found("free", "warning", "20M left by MemAvailable, but a guest with the default Memory= may use", "Memory=")
        self.assert_found("promises", "ok", "0 other guests may still take 0M")
        self.shell("umount /proc/meminfo")
        self.world.guest(fake="boot,ready", Guest={"Memory": "48M"})
        umld = self.daemon().wait_ready()
        self.shell(f"mount --bind {fake} /proc/meminfo")
        self.assertEqual(self.faults(), {"memory-file"})
        self.assert_found("memory-file", "fault", "other guests may still use")
        self.assert_found("promises", "warning", r"^1 other guests may still take \d+M, more than the 20M left$",
                          "stop a guest, .*Balloon=auto")
        self.assertEqual(umld.stop(), DONE)


class Network(DoctorTest):
    def test_no_tables(self):
        self.assertEqual(self.faults(wrapper=self.refuse("legacy-tables", "nf_tables")), {"masquerade"})
        self.assert_found("iptables", "ok", "no legacy tables")
        self.assert_found("nftables", "ok", "no nf_tables")
        self.assert_found("masquerade", "fault", "does not work", "ask the provider for iptables with NAT")

    def test_no_nat(self):
        """The other tables are there, so that umld --check has nothing to say."""
        self.world.guest(fake="boot,ready")
        self.assertEqual(self.faults("web", env=preloaded("no-nat.so")), {"masquerade"})
        self.assert_found("masquerade", "fault", "(table nat|target MASQUERADE|nat).* does not work", "netfilter full")
        self.assert_found("snat", "warning", "does not work")

    def test_forbidden(self):
        self.assertEqual(self.faults(wrapper=self.refuse("netfilter", "legacy-tables")), {"masquerade"})
        self.assert_found("queue", "warning", "no netfilter queues")
        self.assert_found("nftables", "unknown", "Operation not permitted")

    def test_both_views(self):
        self.shell("iptables-legacy -A INPUT -p tcp --dport 2222 -j ACCEPT")
        self.shell("nft 'add table inet own; add chain inet own c { type filter hook input priority 0; }; "
                   "add rule inet own c tcp dport 2222 accept'")
        self.assertEqual(self.faults(), set())
        self.assert_found("nftables", "warning", "in nf_tables and in legacy tables", "iptables-legacy-save")

    def test_conntrack(self):
        self.shell("mount -t tmpfs tmpfs /proc/sys/net/netfilter; cd /proc/sys/net/netfilter; "
                   "echo 1000 >nf_conntrack_max; echo 950 >nf_conntrack_count")
        self.find()
        self.assert_found("conntrack", "warning", "tracks 950 of at most 1000 connections", "nf_conntrack_max")
        p = self.world.umlctl("doctor", "--fix", "--force")
        self.assertEqual(self.shell("cat /proc/sys/net/netfilter/nf_conntrack_max").strip(), "2000", p.stderr)
        self.find()
        self.assert_found("conntrack", "ok", "950 of at most 2000")

    def test_uplink(self):
        self.shell("ip route del default")
        self.assertEqual(self.faults(), {"rules", "uplink", "route"})
        self.assert_found("rules", "fault", "default route")

    def test_listeners(self):
        """A service of the host's loses its port to the guest, and another one keeps it. What the service calls itself does
        not act on the terminal of who asks."""
        self.world.guest(fake="boot,ready", Network={"Forward": ["tcp/8081:80", "tcp/8082:81"], "Reserve": "tcp/8082"})
        self.assertEqual(self.faults("web"), set())
        self.assertNotIn("takes precedence", self.output)
        name = Path("/proc/self/comm")
        before = name.read_bytes()
        self.addCleanup(name.write_bytes, before)
        name.write_bytes(b"\033[31m\xc2\x9bx")
        for port in (8081, 8082):
            service = self.world.socket("host")
            self.addCleanup(service.close)
            service.bind(("0.0.0.0", port))
            service.listen()
        self.assertEqual(self.faults("web"), set())
        self.assert_found("forwards", "warning", r"^Forward=tcp/8081:80 takes precedence over services of the host: tcp/8081 "
                          r"\(\?\[31m\?\?x\)")
        self.assertEqual(self.output.count("takes precedence"), 1)
        self.assertEqual([c for c in self.output if not (c in "\t\n" or " " <= c <= "~")], [])

    def test_reverse_path(self):
        self.shell("ip link add lan0 type veth peer name lan1; ip link set lan0 up; ip link set lan1 up; "
                   "ip address add 192.0.2.1/24 dev lan0; echo 1 >/proc/sys/net/ipv4/conf/lan0/rp_filter")
        self.world.guest(fake="boot,ready", Network={"Uplink": "lan0"})
        self.assertEqual(self.faults("web"), {"reverse-path"})
        self.assert_found("reverse-path", "fault", "rp_filter drops what arrives from the Internet on lan0", "lan0.rp_filter=2")
        self.shell("echo 2 >/proc/sys/net/ipv4/conf/lan0/rp_filter")
        self.assertEqual(self.faults("web"), set())
        self.assert_found("reverse-path", "ok", "accepts")

    def test_relays(self):
        """A port that a program would relay is taken."""
        self.world.guest(fake="boot,ready", Network={"Proxy": "tcp/8083:80"})
        self.assertEqual(self.faults("web"), set())
        self.assert_found("relays", "ok", "all ports of Proxy= are free")
        service = self.world.socket("host")
        self.addCleanup(service.close)
        service.bind(("0.0.0.0", 8083))
        service.listen()
        self.assertEqual(self.faults("web"), {"relays"})
        self.assert_found("relays", "fault", "8083")

    def test_tap(self):
        """The one that is configured belongs to somebody else."""
        self.shell("ip tuntap add mine mode tap; ip link set mine up")
        self.world.guest(fake="boot,ready", Network={"Tap": "mine"})
        self.find("web")
        self.assertNotEqual(self.findings["tap"][0], "unknown", self.findings["tap"])
        self.shell("ip link del mine; ip link add mine type veth peer name other")
        self.assertIn("tap", self.faults("web"))
        self.assert_found("tap", "fault", "mine")

    def test_policy(self):
        """One that drops is no fault in the table that has umld's rules, as they accept before it: Docker's is such."""
        self.shell("iptables-legacy -P FORWARD DROP")
        self.world.guest(fake="boot,ready", Network={"Forward": "tcp/8080:80"})
        self.assertEqual(self.faults(), set())
        self.assertEqual(self.faults("web"), set())
        self.assert_found("firewall", "ok", "no other rule drops")
        umld = self.daemon().wait_ready()
        self.assertEqual(self.faults("web"), set())  # nor does it once they are there
        self.assertEqual([c["state"] for c in umld.status()["conditions"] if c["name"] == "firewall"], ["ok"])
        self.assertEqual(umld.stop(), DONE)
        self.shell("nft 'add table ip own; add chain ip own f { type filter hook forward priority 10; policy drop; }'")
        self.assertEqual(self.faults("web"), {"firewall"})
        self.assert_found("firewall", "fault", "drops IPv4 connections", "nft")

    def test_firewall(self):
        self.shell("iptables-legacy -P FORWARD DROP; iptables-legacy -A FORWARD -s 10.0.0.0/8 -j DROP")
        self.assertEqual(self.faults(), {"firewall"})
        self.assert_found("firewall", "fault", "drops IPv4 connections", "iptables")

    def test_collision(self):
        self.shell("ip address add 10.7.0.9/24 dev venet0")
        self.world.guest(fake="boot,ready", Network={"HostAddress": "10.7.0.1/24", "Forward": "tcp/8080:80"})
        self.find("web")
        said = [f for f in self.findings.values() if f[0] in ("warning", "fault") and "10.7.0" in f[1]]
        self.assertNotEqual(said, [], self.findings)


class Guest(DoctorTest):
    def test_kernel(self):
        kernel = self.world.dir / "linux"
        self.world.guest(fake="boot,ready", Guest={"Kernel": kernel})
        self.assertEqual(self.faults("web"), {"kernel"})
        self.assert_found("reach", "unknown", "not checked")
        self.assert_found("kernel", "fault", str(kernel))
        kernel.write_text("#!/bin/sh\n", encoding="ascii")
        kernel.chmod(0o755)
        self.assertEqual(self.faults("web"), {"kernel"})
        self.world.install(BUILD / "tests/guest/fake-guest", kernel).chmod(0o777)
        self.assertEqual(self.faults("web"), {"kernel"})
        self.assert_found("kernel", "fault", "may be written by others", "chmod go-w")
        self.assertEqual(self.repair("kernel", "web").returncode, DONE)
        self.assertEqual(oct(kernel.stat().st_mode & 0o7777), "0o755")
        self.assertEqual(self.faults("web"), set())

    def test_libc(self):
        """One that was built for a later release cannot even tell its version."""
        self.find()
        self.assert_found("libc", "ok", r"^the kernel needs glibc 2\.\d+, and the host has 2\.\d+")
        kernel = self.world.install(BUILD / "tests/guest/fake-guest", self.world.dir / "linux")
        with open(kernel, "ab") as f:
            f.write(b"\0GLIBC_2.999\0")
        self.world.guest(fake="boot,ready", Guest={"Kernel": kernel})
        self.find("web")
        self.assert_found("libc", "fault", r"^the kernel needs glibc 2\.999, but the host has 2\.", "a static kernel")

    def test_escapes(self):
        """What is in files does not act on the terminal of who asks; this one is CSI to some."""
        self.world.guest(fake="boot,ready", Guest={"Disk": "/nowhere/\u009b31mroot.img"})
        self.assertEqual(self.faults("web"), {"disks"})
        self.assert_found("disks", "fault", r"/nowhere/\\xc2\\x9b31mroot.img")
        self.assertEqual([c for c in self.output if not (c in "\t\n" or " " <= c <= "~")], [])

    def test_disks(self):
        self.world.guest(fake="boot,ready")
        image = self.world.image()
        data = bytearray(image.read_bytes())
        image.rename(image.with_suffix(".away"))
        self.assertEqual(self.faults("web"), {"disks"})
        self.assert_found("disks", "fault", "no such image", "create it")
        image.write_bytes(b"QFI\xfb" + bytes(4096))
        self.assertEqual(self.faults("web"), {"disks"})
        self.assert_found("disks", "fault", "a qcow2 image", "convert it")
        data[1024 + 96] |= 4  # needs_recovery, as a guest that was killed leaves it
        image.write_bytes(data)
        self.assertEqual(self.faults("web"), set())
        self.assertRegex(self.output, r"(?m)^guest\tdisks\tok\t\S+root.img: the file system was not unmounted; the guest's kernel "
                         "replays its journal\t")
        data[1024 + 58] |= 2
        image.write_bytes(data)
        self.assertEqual(self.faults("web"), set())
        self.assert_found("disks", "warning", "has recorded errors", "next start runs e2fsck")
        self.faults("web", env={"PATH": "/nowhere"})
        self.assert_found("disks", "warning", "has recorded errors, and e2fsck is not installed", "install e2fsprogs")

    def test_space(self):
        """More holes than the file system has room for."""
        small = self.world.dir / "small"
        small.mkdir()
        self.shell(f"mount -t tmpfs -o size=2M tmpfs {small}")
        self.world.guest(fake="boot,ready", Guest={"Disk": f"{small}/root.img,adopt"})
        image = self.world.image()
        self.shell(f"cp {image} {small}/root.img && truncate -s 1G {small}/root.img; "
                   f"dd if=/dev/zero of={small}/fill bs=4k 2>/dev/null || true")
        self.find("web")
        self.assert_found("disks", "fault", "too little for the .* by which the image may grow", "free some")

    def test_configuration(self):
        self.world.guest(fake="boot,ready")
        path = self.world.config_dir / "web.conf"
        text = path.read_text(encoding="ascii")
        path.write_text(text + "[Network]\nMasquerad=no\n", encoding="ascii")
        self.assertEqual(self.faults("web"), {"configuration"})
        self.assert_found("configuration", "fault", r"web\.conf:\d+: Masquerad: unknown key; did you mean Masquerade=")
        self.assert_found("kernel", "unknown", "not checked")
        path.write_text(text, encoding="ascii")
        path.chmod(0o666)
        self.assertEqual(self.faults("web"), {"configuration"})
        self.assertEqual(self.repair("configuration", "web").returncode, DONE)
        self.assertEqual(self.faults("web"), set())

    def test_leftovers(self):
        self.world.guest(fake="lock,tap,boot,ready")
        before = self.world.snapshot()
        umld = self.daemon().wait_ready()
        os.kill(umld.pid, signal.SIGKILL)
        umld.wait()
        self.assertEqual(self.faults("web"), set())
        self.assert_found("leftovers", "warning", "a killed umld of this guest has left changes", "next start")
        self.assertEqual(self.repair("leftovers", "web").returncode, DONE)
        after = self.world.snapshot()
        self.assertEqual([line for line in before.difference(after).splitlines()
                          if line[0] in "+-" and "/run/" not in line and line[:3] not in ("+++", "---")], [])
        self.faults("web")
        self.assert_found("leftovers", "ok", "nothing is left")


class Start(DoctorTest):
    def test_cause(self):
        """The kernel only says that it cannot trace."""
        self.world.guest(kernel=DEBIAN_KERNEL, Supervise={"Restart": "no"})
        p = self.world.run("host", *self.refuse("ptrace"),
                           *umldtest.with_variables({"UMLD_DAEMON": str(self.world.program("daemon/umld"))}),
                           self.world.program("umlctl/umlctl"), "start", "web")
        self.assertEqual(p.returncode, FAILED, p.stderr)
        lines = p.stderr.splitlines()
        self.assertRegex(lines[0], "^umlctl: web failed to start: ")
        self.assertRegex(p.stderr, r"(?m)^umlctl: web: the host does not let a process trace its children, .*; ask the provider")

    def test_nothing_twice(self):
        self.world.guest(fake="boot,ready")
        self.world.image().unlink()
        p = self.world.umlctl("start", "web")
        self.assertEqual(p.returncode, FAILED, p.stderr)
        self.assertEqual(p.stderr.count("no such image"), 1, p.stderr)
        self.assertEqual(len(p.stderr.splitlines()), 1, p.stderr)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What a guest's kernel tries that is in the hands of its guest, and which layer of confinement stops it.

A program in the place of the kernel makes each attempt: once with all layers; once with none but a user of its own,
which shows that the attempt would succeed; and once with that and each other layer alone, which shows what stops it.

    UMLD_WRITE_TABLE=1 test_breakout.py    writes docs/confinement.md again; else it is compared."""

import contextlib
import errno
import os
import re
import shlex
import socket
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import umldtest
from reachable import Reachable
from umldtest import DONE, SOURCE, TestCase, libc, main, wait_until

TABLE = SOURCE / "docs/confinement.md"
PROGRAM = umldtest.BUILD / "tests/breakout/breakout"
OLD_HOST = umldtest.BUILD / "tests/guest/old-host"

# The layers beside the user, by the keys that switch them off; "cgroup" is none of a kernel's attempts.
KEYS = {"capabilities": "DropCapabilities", "no-new-privileges": "NoNewPrivileges", "pid-namespace": "PrivatePIDs",
        "ipc-namespace": "PrivateIPC", "uts-namespace": "ProtectHostname", "network-namespace": "PrivateNetwork",
        "root": "PrivateRoot", "memory": "MemoryLimit",
        "seccomp": "Seccomp", "limits": "Limits"}

# Those are written by test_guest_root.py.
GUEST_GROUP = "As root in a guest"

REACHED, BOUNDED, DIED = 0, 1, -1000
MEMORY = 32  # MiB
OTHER = {"Tap": "tap1", "HostAddress": "10.0.1.1/24", "GuestAddress": "10.0.1.2", "Forward": "tcp/8081:80"}
FIRST = {"Tap": "tap2", "HostAddress": "10.0.2.1/24", "GuestAddress": "10.0.2.2", "Forward": "tcp/8082:80"}

# A filter of system calls is not for a user who could gain privileges.
IMPLIED = {"seccomp": ["no-new-privileges"]}

IPC_PRIVATE, IPC_RMID = 0, 0


class Row:
    def __init__(self, group, what, happened, layers, without=None):
        self.group, self.what, self.happened, self.layers = group, what, happened, layers
        self.without = without  # how it fails without any layer, on this host

    def __str__(self):
        return f"| {self.what} | {self.happened} | {', '.join(self.layers) or '-'} |"


class Table:
    """docs/confinement.md"""

    def __init__(self):
        self.rows = []

    @classmethod
    def read(cls):
        table, group = cls(), None
        for line in TABLE.read_text(encoding="utf-8").splitlines():
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            if line.startswith("## "):
                group = line[3:]
            elif len(cells) == 3 and cells[0] != "attempt" and not cells[0].startswith("---"):
                table.rows.append(Row(group, *cells[:2], [name for name in cells[2].split(", ") if name != "-"]))
        return table

    def write(self):
        head, found, _ = TABLE.read_text(encoding="utf-8").partition(f"\n\n## {self.rows[0].group}\n")
        assert found, f"{TABLE} has no part {self.rows[0].group}"
        lines, group = [head], None
        for row in self.rows:
            if row.group != group:
                group = row.group
                lines += ["", f"## {group}", "", "| attempt | what happened | layers |", "| --- | --- | --- |"]
            lines.append(str(row))
        TABLE.write_text("\n".join(lines) + "\n", encoding="utf-8")


def words(result):
    """What happened, for people."""
    if result == REACHED:
        return "succeeds"
    if result == BOUNDED:
        return "ends at the limit"
    return f"killed by signal {DIED - result}" if result <= DIED else errno.errorcode[-result]


class Breakout(TestCase):
    """The world of all attempts: two other guests, and things of the host that are open to everybody."""

    def setUp(self):
        super().setUp()
        image = self.world.dir / "guest.img"
        subprocess.run([umldtest.MAKE_GUEST, image], check=True, timeout=60)
        for name, network, port in (("first", FIRST, 8082), ("other", OTHER, 8081)):
            self.world.guest(name, kernel=umldtest.test_kernels()[-1], image=image, Network=network, Supervise={"Ready": "guest"})
            self.other = self.daemon(name).wait_ready(60)
            self.world.fetch_when_served(port)
        os.chmod(self.world.image("other"), 0o644)
        self.kernel = self.world.install(PROGRAM, self.world.dir / "kernels/breakout")
        self.targets = {**self.files(), **self.sockets()}
        segment = libc.shmget(IPC_PRIVATE, 4096, 0o666)
        self.addCleanup(lambda: libc.shmctl(segment, IPC_RMID, None))
        self.targets.update({"segment": segment, "host-name": socket.gethostname(), "uplink": "venet0", "other-tap": "tap1",
                             "new-tap": "breakout0", "memory": MEMORY + 8, "processes": 512, "descriptors": 768,
                             "other-pid": self.other.guest_pid()})

    def files(self):
        suid = self.world.install(PROGRAM, self.world.dir / "set-user-id")
        suid.chmod(0o4755)
        read_only = self.world.dir / "read-only.img"
        read_only.write_bytes(umldtest.FAKE_IMAGE)
        read_only.chmod(0o666)
        return {"set-user-id": suid, "read-only-disk": read_only, "kernel": self.kernel,
                "config": self.world.config_dir / "web.conf", "disk": self.world.image("web"),
                "other-disk": self.world.image("other"), "sockets": self.world.runtime_dir / "web/sockets"}

    def sockets(self):
        """Those of the host that anybody may connect to, and those of other guests."""
        abstract, path = f"{self.world.name}-breakout", self.world.dir / "host-socket"
        tcp, tcp6 = self.world.socket("host"), self.world.socket("host", socket.AF_INET6)
        tcp.bind(("", 0))
        tcp6.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        tcp6.bind(("::", tcp.getsockname()[1]))
        made = [tcp, tcp6]
        for kind, suffix in ((socket.SOCK_STREAM, ""), (socket.SOCK_DGRAM, ".datagrams")):
            for address in (f"\0{abstract}{suffix}", f"{path}{suffix}"):
                made.append(self.world.socket("host", socket.AF_UNIX, kind))
                made[-1].bind(address)
            os.chmod(f"{path}{suffix}", 0o777)
        for s in made:
            self.addCleanup(s.close)
            if s.type == socket.SOCK_STREAM:
                s.listen(64)
        run = self.world.runtime_dir
        return {"host-port": tcp.getsockname()[1], "abstract": abstract, "host-socket": path,
                "abstract-datagrams": f"{abstract}.datagrams", "host-datagrams": f"{path}.datagrams",
                "umld-socket": run / "web/bus", "other-umld-socket": run / "other/bus",
                "other-mconsole": run / "other/uml/other/mconsole", "other-notify": run / "other/sockets/notify"}

    def same_user(self):
        """A process of the host's that has the guest's user."""
        uid = int((self.world.state_dir / "web/uid").read_text())
        process = subprocess.Popen(self.world.command("host", "setpriv", f"--reuid={uid}", f"--regid={uid}",
                                                      "--clear-groups", "sleep", "600"), stdin=subprocess.DEVNULL)
        wait_until(lambda: os.stat(f"/proc/{process.pid}").st_uid == uid, what="a process of the guest's user")
        return process

    def start(self, confine, wrapper=(), backing="auto"):
        """A guest whose kernel makes all attempts; its umld."""
        script = "lock,tap,helpers:3,boot,ready,breakout"
        self.world.guest("web", fake=script, Confine=confine)
        user = self.same_user()
        targets = {**self.targets, "same-user-pid": user.pid, "umld-pid": os.getpid()}
        append = [f"fake={script}"] + [f"target.{name}={value}" for name, value in targets.items()]
        self.world.write_config("web", {
            "Guest": {"Kernel": self.kernel, "Memory": f"{MEMORY}M", "Append": shlex.join(append),
                      "Disk": [self.world.image("web"), f"{self.targets['read-only-disk']},ro"]},
            "Network": {"Forward": "tcp/8080:80"}, "Memory": {"Backing": backing}, "Confine": confine})
        log = self.world.log_dir / "web/console.log"
        log.unlink(missing_ok=True)
        umld = self.daemon("web", wrapper=wrapper).wait_ready(30)
        try:
            wait_until(lambda: "breakout|end" in log.read_text(errors="replace"), 150, "the end of the attempts")
        finally:
            user.kill()
            user.wait()
        umld.results = self.results(log.read_text(errors="replace"))
        return umld

    @staticmethod
    def results(text):
        """{attempt: what became of it}, and the groups in the order of the program."""
        rows = re.findall(r"breakout\|([^|\n]+)\|([^|\n]+)\|(-?\d+)", text)
        return {(group, what): int(result) for group, what, result in rows}

    def of_user(self, name):
        uid, found = int((self.world.state_dir / name / "uid").read_text()), []
        for path in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                found += [path.name] if path.stat().st_uid == uid else []
        return found

    def attempt(self, *layers, **options):
        """The results with the user and these layers alone. The filter of system calls is as strict as with all layers
        where the guest's memory is a tmpfs of its own."""
        umld = self.start({**{key: "yes" if name in layers else "no" for name, key in KEYS.items()}, "NotDumpable": "no"},
                          backing="private" if "seccomp" in layers else "auto", **options)  # that comes with what others preload; test_kernels.py has a try of it
        self.assertEqual(umld.stop(), DONE)
        return umld.results


class Layers(Breakout):
    """On a host that has all of them."""

    timeout = 700  # twelve runs of all attempts, on a machine with a load of 35

    def test_each(self):
        reachable = Reachable(self, 8081, 8082)
        begin = time.monotonic()
        umld = self.start({"PrivateRoot": "yes"})
        reachable.wait_for_round(begin)
        self.assertEqual([text for name, text in umld.status()["confinement"].items() if name in KEYS and not text.startswith("on")], [])
        self.assert_nothing_left(umld)
        everything = umld.results
        self.assertGreater(len(everything), 120)
        self.assertEqual([what for what, result in everything.items() if result == REACHED], [])
        user = self.attempt()
        alone = {name: self.attempt(name, *IMPLIED.get(name, ())) for name in KEYS}
        reachable.end()
        self.assertEqual(reachable.failures, [])
        self.assertGreater(reachable.count, 5)
        table = Table()
        for attempt, result in everything.items():
            table.rows.append(Row(*attempt, words(result), self.stops(user, alone, attempt),
                                  words(user[attempt]) if user[attempt] != REACHED else None))
        if os.environ.get("UMLD_WRITE_TABLE"):
            table.rows += [row for row in Table.read().rows if row.group == GUEST_GROUP]
            table.write()
        else:
            self.compare(table)

    def assert_nothing_left(self, umld):
        """No descriptor that it was sent, no process that outlives the guest."""
        init = int(re.search(r"PPid:\s+(\d+)", Path(f"/proc/{umld.guest_pid()}/status").read_text())[1])
        self.assertIn("\nSeccomp:\t2\n", Path(f"/proc/{init}/status").read_text())
        for pid in (umld.pid, init):
            self.assertNotIn("/dev/random", [os.readlink(fd) for fd in Path(f"/proc/{pid}/fd").iterdir()])
        self.assertGreater(len(self.of_user("web")), 3)
        self.assertEqual(umld.stop(), DONE)
        wait_until(lambda: not self.of_user("web"), what="the end of all processes of the guest's user")

    @staticmethod
    def stops(user, alone, attempt):
        """The layers each of which stops it by itself; that of the user first."""
        layers = ["user"] if user[attempt] in (-errno.EPERM, -errno.EACCES) else []
        return layers + [name for name, results in alone.items() if results[attempt] not in (REACHED, user[attempt])]

    def compare(self, table):
        """Hosts differ in what they let a user do, but in nothing else."""
        known = {(row.group, row.what): row for row in Table.read().rows if row.group != GUEST_GROUP}
        self.assertEqual([(row.group, row.what) for row in table.rows], list(known),
                         "docs/confinement.md lists other attempts: UMLD_WRITE_TABLE=1 tests/breakout/test_breakout.py")
        for row in table.rows:
            documented = known[row.group, row.what]
            with self.subTest(row.what):
                self.assertIn(row.happened, (documented.happened, row.without))
                self.assertTrue(row.without or set(row.layers) & set(documented.layers),
                                f"stopped by {row.layers}, not by {documented.layers}")


class OldHost(Breakout):
    """One without namespaces and without filters of system calls."""

    MISSING = ("pid-namespace", "ipc-namespace", "uts-namespace", "network-namespace", "root", "seccomp", "not-dumpable")

    def test_lives(self):
        self.world.host("mount", "-t", "tmpfs", "tmpfs", "/sys/fs/cgroup")
        wrapper = [self.world.install(OLD_HOST, self.world.dir / "old-host")]
        reachable = Reachable(self, 8081, 8082)
        begin = time.monotonic()
        umld = self.start({"PrivateRoot": "yes"}, wrapper=wrapper)
        reachable.wait_for_round(begin)
        status = umld.status()
        self.assertEqual((status["state"], status["restarts"]), ("running", 0))
        for name in self.MISSING:
            self.assertRegex(status["confinement"][name], r"^refused \(.+\)")
            self.assertIn(f"confinement: the layer {name} is not in force: ", umld.log)
        kept = {name for name, text in status["confinement"].items() if text.startswith("on")}
        self.assertEqual(kept & {"user", "capabilities", "no-new-privileges", "limits"}, {"user", "capabilities", "no-new-privileges", "limits"})
        reachable.end()
        self.assertEqual(reachable.failures, [])
        for row in Table.read().rows:  # what is left of confinement does what it did
            if kept & set(row.layers):
                with self.subTest(row.what):
                    self.assertNotEqual(umld.results[row.group, row.what], REACHED)
        self.assertEqual(umld.stop(), DONE)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The event loop waits for no process: for none that umld has started, and for none that it serves."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from law import WATCHDOG, LawTest  # noqa: E402
from umldtest import DONE, FAILED, HOST, main, wait_until  # noqa: E402


class Children(LawTest):
    def test_slow_kernel(self):
        """A kernel that does not say what it can do: the start waits for it, and a stop does not."""
        self.configure()
        kernel = self.world.program("tests/guest/fake-guest")
        slow = kernel.with_name("fake-guest.slow")
        slow.touch()
        for stop in True, False:
            umld = self.daemon(watchdog=WATCHDOG)
            umld.wait_state("preparing")
            self.assert_responds(umld, f"the query of the features of {kernel}")
            self.assert_fed(umld)
            if stop:
                self.assertEqual(umld.stop(), DONE)
        slow.unlink()
        umld.wait_ready()
        self.assertEqual(umld.stop(), DONE)

    def test_slow_libnftables(self):
        """A transaction that the kernel does not take: the start waits, the restart does not, and the stop ends it."""
        env = self.slow_host()
        self.configure(backend="nftables")
        self.slow.touch()
        umld = self.daemon(watchdog=WATCHDOG, env=env)
        umld.wait_state("preparing")
        self.assert_responds(umld, "libnftables")
        self.assert_fed(umld)
        self.slow.unlink()
        umld.wait_ready()
        self.slow.touch()
        self.configure(backend="nftables", forward="tcp/8081:80")
        umld.signal(signal.SIGHUP)
        self.assert_responds(umld, "libnftables")
        self.assert_no_more(umld, self.assert_one_restart(umld))
        self.slow.unlink()
        wait_until(lambda: umld.status()["network"]["forwards"] == ["tcp/8081:80"], what="the reload")
        self.assertEqual(umld.stop(), DONE)
        self.assertNotIn("umld-web", self.world.host("nft", "list", "ruleset"))

    def test_slow_name_service(self):
        """It is asked for a user that is named, and for one that nobody has."""
        env = self.slow_host()
        for user in "nobody", "auto":
            with self.subTest(user=user):
                self.configure(Confine={"User": user}, own_uid=False)
                self.slow.touch()
                umld = self.daemon(watchdog=WATCHDOG, env=env)
                umld.wait_state("preparing")
                self.assert_responds(umld, "the look-up of a user")
                self.assert_fed(umld)
                self.slow.unlink()
                umld.wait_ready()
                self.slow.touch()
                self.configure(forward="tcp/8081:80", Confine={"User": user}, own_uid=False)
                umld.signal(signal.SIGHUP)
                wait_until(lambda u=umld: u.status()["network"]["forwards"] == ["tcp/8081:80"], what="the reload")
                self.assert_responds(umld)
                self.assert_no_more(umld, self.assert_one_restart(umld))
                self.slow.unlink()
                self.assertEqual(umld.stop(), DONE)

    def assert_start_waits(self, waiting_for, also=None, **sections):
        env = self.slow_host(also)
        self.configure(**sections)
        self.slow.touch()
        umld = self.daemon(watchdog=WATCHDOG, env=env)
        umld.wait_state("preparing")
        self.assert_responds(umld, waiting_for)
        self.assert_fed(umld)
        self.slow.unlink()
        umld.wait_ready()
        self.assertEqual(umld.stop(), DONE)

    def test_slow_namespace(self):
        """A guest's namespaces are made by children; that of its memory comes first."""
        self.assert_start_waits("a namespace of the guest's", "mount", Memory={"Backing": "private"})

    def test_slow_access(self):
        """Only a process of the guest's user can tell what that may access; of the two that do, one is waited for first."""
        self.assert_start_waits("the check of who may open /dev/net/tun", "access", Memory={"Backing": "shm"})

    def test_slow_group(self):
        """Of version 1, where umld-init moves to the group of memory; with version 2 it is made there."""
        if not Path("/sys/fs/cgroup/memory/tasks").exists():
            self.skipTest("no memory controller of version 1 on this machine")
        env = self.slow_host("group")
        self.configure()
        self.slow.touch()
        umld = self.daemon(watchdog=WATCHDOG, env=env)
        umld.wait_state("booting")
        self.assert_responds(umld)
        self.assert_fed(umld)
        self.slow.unlink()
        umld.wait_ready()
        self.assertEqual(umld.stop(), DONE)

    def test_gone_server(self):
        """A directory of Share= that is on the server of a network file system."""
        self.slow_host()
        far = self.slow.with_name(f"{self.slow.name}.d")
        far.mkdir(mode=0o755)
        self.assert_start_waits("the file system of", Guest={"Share": str(far)}, Confine={"PrivateRoot": "yes"})

    def slow_script(self, name, script):
        """A program that does not end while the file is there: (program, file)."""
        slow = self.world.dir / f"{name}.slow"
        slow.touch()
        program = self.world.dir / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.parent.chmod(0o755)
        program.write_text(f"#!/bin/sh\nwhile [ -e {slow} ]; do sleep 0.1; done\n{script}\n")
        program.chmod(0o755)
        return program, slow

    def test_slow_e2fsck(self):
        """A file system with errors is checked before a start, and before a restart."""
        e2fsck, slow = self.slow_script("e2fsck", f"exec {shutil.which('e2fsck', path='/sbin:/usr/sbin')} \"$@\"")
        image = self.world.state_dir / "ext4.img"
        with open(image, "wb") as f:
            f.truncate(4 << 20)
        subprocess.run(["/sbin/mkfs.ext4", "-q", "-F", image], check=True, stdin=subprocess.DEVNULL, timeout=30)
        self.note_error(image)
        self.configure(image=image)
        env = {"PATH": f"{e2fsck.parent}:{os.environ['PATH']}"}
        for stop in True, False:
            umld = self.daemon(watchdog=WATCHDOG, env=env)
            umld.wait_state("preparing")
            wait_until(lambda u=umld: "checking it" in u.log, what="the check")
            self.assert_responds(umld)
            self.assert_fed(umld)
            if stop:
                self.assertEqual(umld.stop(), DONE)
        slow.unlink()
        umld.wait_ready()
        slow.touch()
        self.note_error(self.world.image())
        os.kill(umld.guest_pid(), signal.SIGKILL)
        wait_until(lambda: umld.log.count("checking it") == 2, what="the second check")
        self.assert_responds(umld)
        self.assert_fed(umld)
        self.assertEqual(umld.statuses().count("booting"), 1)
        slow.unlink()
        wait_until(lambda: umld.status()["state"] == "running", what="the restart")
        self.assert_no_more(umld, 2)
        self.assertEqual(umld.stop(), DONE)

    @staticmethod
    def note_error(image):
        subprocess.run(["/sbin/debugfs", "-w", "-R", "ssv state 2", image], check=True, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=30)

    def test_slow_modprobe(self):
        """A host without the legacy tables is asked for their modules, which it does not have either."""
        modprobe, slow = self.slow_script("modprobe", "exit 1")
        script = f'mount -t tmpfs none /proc/sys/kernel && echo {modprobe} >/proc/sys/kernel/modprobe && exec "$@"'
        wrapper = ["unshare", "--mount", "sh", "-c", script, "sh", self.world.program("tests/lib/refuse"), "legacy-tables", "--"]
        self.configure(backend="iptables")
        for stop in True, False:
            umld = self.daemon(watchdog=WATCHDOG, wrapper=wrapper)
            umld.wait_state("preparing")
            self.assert_responds(umld, "modprobe to load the modules")
            self.assert_fed(umld)
            if stop:
                self.assertEqual(umld.stop(), DONE)
        slow.unlink()
        self.assertEqual(umld.wait(), FAILED)
        self.assertIn("iptables", umld.log)


class Others(LawTest):
    """Processes that stand still."""

    def frozen(self, pid):
        os.kill(pid, signal.SIGSTOP)
        self.addCleanup(self.thaw, pid)

    @staticmethod
    def thaw(pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)

    def processes(self, umld, word):
        """Of umld's own children, those whose command line has that word; the youngest last."""
        children = Path(f"/proc/{umld.pid}/task/{umld.pid}/children").read_text().split()
        return [int(pid) for pid in children if word in Path(f"/proc/{pid}/cmdline").read_text()]

    def test_guest(self):
        umld = self.start()
        self.frozen(umld.guest_pid())
        self.assert_responds(umld)
        self.assert_fed(umld)
        self.assert_no_more(umld, self.assert_one_restart(umld))
        self.assertEqual(umld.stop(), DONE)

    def test_standby(self):
        """The process that is to become the next boot does not: umld responds, and it is one boot when it goes on."""
        umld = self.start()
        standby = wait_until(lambda: self.processes(umld, "umld-init")[1:], what="the next boot's process")[0]
        self.frozen(standby)
        since = len(umld.messages)
        os.kill(umld.guest_pid(), signal.SIGKILL)
        umld.wait_state("booting", since=since)
        self.assert_responds(umld)
        self.assert_fed(umld)
        self.thaw(standby)
        umld.wait_state("running", since=since)
        self.assert_no_more(umld, 2)
        self.assertEqual(umld.stop(), DONE)

    def test_relay(self):
        """One that has a connection, and a stop for which it does not end."""
        umld = self.start(Network={"Proxy": "tcp/8090:80"})
        with self.world.socket("inet") as connection:
            connection.settimeout(10)
            connection.connect((HOST, 8090))

            def relays():
                return [pid for pid, line in self.world.processes().items() if "systemd-socket-proxyd" in line]
            for pid in wait_until(relays, what="a relay"):
                self.frozen(pid)
            self.assert_responds(umld)
            self.assert_fed(umld)
            self.assert_no_more(umld, self.assert_one_restart(umld))
            self.assertEqual(umld.stop(), DONE)

    def test_clients(self):
        """Those who connect to it and say nothing, or do not read what they are told."""
        umld = self.start()
        path = str(self.world.runtime_dir / "web/bus")
        for words in (b"", b"\0AUTH EXTERNAL 30\r\n", b"\0" + b"AUTH EXTERNAL 30\r\n" * 20000):
            client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.addCleanup(client.close)
            client.connect(path)
            client.setblocking(False)
            with contextlib.suppress(BlockingIOError, BrokenPipeError, ConnectionResetError):
                client.send(words)
        self.assert_responds(umld)
        self.assert_no_more(umld, self.assert_one_restart(umld))
        self.assert_fed(umld)
        self.assertEqual(umld.stop(), DONE)


if __name__ == "__main__":
    main()

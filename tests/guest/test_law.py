#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The event loop waits for nobody: while a lock is held, a disk is slow or nobody reads what umld says, umld responds, the
watchdog is fed and a killed guest is started once. Children are in test_law_children.

What umld waits for it waits for until it is there, or until it gives up after 10 s or more, so a few seconds show as much
as thirty would. Of the locks, that of a guest and those of its images are tried once (test_life, test_image_lock)."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from law import RESTART_LIMIT, WATCHDOG, LawTest, held  # noqa: E402
from umldtest import DONE, FAILED, main, wait_until  # noqa: E402


class Locks(LawTest):
    def locks(self):
        return {"the xtables lock": self.world.dir / "xtables.lock",
                "guests share": self.world.runtime_dir / ".shared/lock"}

    def test_while_it_runs(self):
        """A kill is followed by one start, whoever holds a lock, and the rules are repaired when it is free."""
        umld = self.start()
        right = self.world.tables("filter", "nat")
        for what, path in self.locks().items():
            with self.subTest(lock=what), held(path):
                booted = self.assert_one_restart(umld)
                self.assert_responds(umld)
                self.assert_fed(umld)
                self.assert_no_more(umld, booted)
        wait_until(lambda: umld.status()["waiting_for"] is None, what="an end of the waiting")
        self.assertEqual(self.world.tables("filter", "nat"), right)
        self.assertEqual(umld.stop(), DONE)

    def test_stop_and_start(self):
        """Both wait in their state and say for whom, and go on when the lock is free."""
        self.start().stop()
        before = self.world.snapshot()
        for what, path in self.locks().items():
            with self.subTest(lock=what):
                with held(path):
                    umld = self.daemon(watchdog=WATCHDOG)
                    umld.wait_state("preparing")
                    self.assert_responds(umld, f"{what}, held by pid {os.getpid()} (")
                    self.assert_fed(umld)
                    self.assertEqual(umld.said("READY"), [])
                umld.wait_ready()
                with held(path):
                    self.assert_stopping(umld, f"{what}, held by pid {os.getpid()} (")
                self.assertEqual(umld.wait(), DONE)
        self.assert_same_host(before)

    def test_user_ids(self):
        """The first start of a guest chooses its user under a lock of the state directory."""
        self.configure(own_uid=False)
        with held(self.world.state_dir):
            umld = self.daemon(watchdog=WATCHDOG)
            umld.wait_state("preparing")
            self.assert_responds(umld, f"the lock of the user ids, held by pid {os.getpid()} (")
            self.assert_fed(umld)
            self.assertEqual(umld.said("READY"), [])
        umld.wait_ready()
        self.assertEqual(umld.stop(), DONE)

    def test_claim_on_memory(self):
        """What a guest has taken is noted as soon as the lock is free."""
        self.world.guest(fake="memory:1,boot,ready")
        umld = self.daemon(watchdog=WATCHDOG).wait_ready()
        claim = self.world.runtime_dir / ".shared/memory/user.web"
        with held(self.world.runtime_dir / ".shared/lock"):
            time.sleep(1.5)  # it looks after a second
            self.assertEqual(claim.read_text().split()[2], "0")
            self.assert_responds(umld)
        wait_until(lambda: claim.read_text().split()[2] != "0", 3, "a claim with an inode")
        self.assertEqual(umld.stop(), DONE)

    def test_reload(self):
        """The method is answered when the lock was free, and the rest of umld does not wait for that."""
        umld = self.start()
        self.configure(forward="tcp/8081:80")
        with held(self.world.dir / "xtables.lock"):
            umld.signal(signal.SIGHUP)
            self.assert_responds(umld, f"the xtables lock, held by pid {os.getpid()} (")
            self.assertEqual(umld.status()["network"]["forwards"], ["tcp/8080:80"])
            self.assertEqual(self.world.umlctl("reload", "web").returncode, FAILED)
        wait_until(lambda: umld.status()["network"]["forwards"] == ["tcp/8081:80"], what="the reload")
        self.assertEqual(umld.stop(), DONE)

    def test_frozen_neighbour(self):
        """An umld that stands still with a lock is its guest's trouble alone."""
        other = self.world.guest("db", fake="boot,ready", Network={"Tap": "tap9", "HostAddress": "10.9.0.1/24"})
        frozen = self.daemon(other).wait_ready()
        umld = self.start()
        os.kill(frozen.pid, signal.SIGSTOP)
        try:
            booted = self.assert_one_restart(umld)
            self.assert_responds(umld)
            self.assert_no_more(umld, booted)
            self.assertEqual(umld.stop(), DONE)
        finally:
            os.kill(frozen.pid, signal.SIGCONT)
        self.assertEqual(frozen.stop(), DONE)


class Disks(LawTest):
    def test_slow_stop(self):
        """What the guest wrote is made durable in state stopping, and umld responds meanwhile."""
        umld = self.start(env=self.slow_host())
        self.slow.touch()
        with open(self.world.image(), "r+b") as image:
            image.write(b"x")
        self.assert_stopping(umld, "the sync of the guest's disks")
        self.slow.unlink()
        self.assertEqual(umld.wait(), DONE)

    def test_slow_restart(self):
        umld = self.start(env=self.slow_host())
        self.slow.touch()
        with open(self.world.image(), "r+b") as image:
            image.write(b"x")
        self.assert_no_more(umld, self.assert_one_restart(umld))
        self.assert_responds(umld)
        self.assert_fed(umld)
        self.slow.unlink()
        self.assertEqual(umld.stop(), DONE)

    def test_slow_round(self):
        """The disks are synced now and then while the guest is running."""
        umld = self.start(env=self.slow_host(), Guest={"DiskSync": "100ms"})
        self.slow.touch()
        with open(self.world.image(), "r+b") as image:
            image.write(b"x")
        wait_until(lambda: len(os.listdir(f"/proc/{umld.pid}/task")) > 1, 5, "a round")
        self.assert_responds(umld)
        self.assert_fed(umld)
        self.assert_no_more(umld, self.assert_one_restart(umld))
        self.slow.unlink()
        self.assertEqual(umld.stop(), DONE)

    def test_full_directory(self):
        """The guest has filled its directory: what it left is removed a bit at a time."""
        umld = self.start()
        for i in range(60):
            directory = self.world.runtime_dir / f"web/uml/{i}"
            directory.mkdir()
            for j in range(1000):
                (directory / str(j)).touch()
        umld.signal(signal.SIGTERM)
        self.assert_responds(umld)
        self.assertEqual(umld.wait(30), DONE)

    def test_read_only_state(self):
        """A reload that cannot be noted changes nothing, and one that needs no note succeeds."""
        umld = self.start()
        state = self.world.state_dir / "web"
        self.configure(forward="tcp/8081:80")
        (state / "unconfirmed").write_text("")
        mount = ["nsenter", f"--mount=/proc/{umld.pid}/ns/mnt", "mount"]
        self.world.host(*mount, "--bind", state, state)
        self.world.host(*mount, "-o", "remount,bind,ro", state)
        right = self.world.tables("filter", "nat")
        for arguments in (), ("--confirm=60",):
            p = self.world.umlctl("reload", "web", *arguments)
            self.assertEqual(p.returncode, FAILED, p.stderr)
            self.assertEqual(umld.status()["network"]["forwards"], ["tcp/8080:80"])
            self.assertEqual(self.world.tables("filter", "nat"), right)
        self.world.host("nsenter", f"--mount=/proc/{umld.pid}/ns/mnt", "umount", state)
        self.assertEqual(self.world.umlctl("reload", "web").returncode, DONE)
        self.assertNotEqual(self.world.tables("filter", "nat"), right)
        self.assertEqual(umld.stop(), DONE)


class Frozen:
    """A service manager that reads nothing, with a queue full of what others have said."""

    def __init__(self, path):
        self.path = path
        self.receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.receiver.setblocking(False)
        self.receiver.bind(str(path))
        self.freeze()

    def freeze(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender, contextlib.suppress(BlockingIOError):
            sender.setblocking(False)
            while True:
                sender.sendto(b"OF=others", str(self.path))

    def hear(self):
        """What umld has said of late."""
        heard = []
        with contextlib.suppress(BlockingIOError):
            while True:
                heard.append(self.receiver.recv(65536).decode())
        return [text for text in heard if text != "OF=others"]

    def thaw(self, word):
        """All that umld says from now on, until word is among it."""
        heard = []
        wait_until(lambda: heard.extend(self.hear()) or word in heard, WATCHDOG * 2, word)
        return heard + self.hear()


class ServiceManager(LawTest):
    def state(self):
        return (self.world.umlctl("status", "web", "--json").json or {}).get("state")

    def test_frozen(self):
        """Nothing waits for it, and when it reads again it is told all that still matters."""
        manager = Frozen(self.world.dir / "manager")
        self.addCleanup(manager.receiver.close)
        self.configure()
        umld = self.daemon(watchdog=WATCHDOG, notify=False, env={"NOTIFY_SOCKET": str(manager.path)})
        wait_until(lambda: self.state() == "running", 20, "a running guest")
        self.assert_responds(umld)
        pid = umld.guest_pid()
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: self.state() == "running" and umld.guest_pid() not in (None, pid), RESTART_LIMIT, "the next boot")
        umld.signal(signal.SIGHUP)
        wait_until(lambda: umld.log.count("configuration reloaded") == 1, 5, "the reload")
        self.assert_responds(umld)
        heard = manager.thaw("WATCHDOG=1")
        self.assertEqual(heard.count("READY=1"), 1, heard)
        statuses = [text for text in heard if text.startswith("STATUS=")]
        self.assertEqual(len(statuses), 1, heard)
        self.assertTrue(statuses[0].startswith("STATUS=running:"), statuses)
        manager.freeze()
        self.assertEqual(umld.stop(), DONE)
        self.assertNotIn("service manager", umld.log)


    def test_frozen_log(self):
        """Nobody reads standard error, which is a pipe that is full."""
        path = self.world.dir / "stderr"
        os.mkfifo(path)
        pipe = os.open(path, os.O_RDWR | os.O_NONBLOCK)
        self.addCleanup(os.close, pipe)
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(pipe, b"x" * 512)
        self.configure()
        umld = self.daemon(watchdog=WATCHDOG, wrapper=["sh", "-c", f'exec "$@" 2>{path}', "sh"]).wait_ready()
        self.assert_no_more(umld, self.assert_one_restart(umld))
        self.assert_responds(umld)
        self.assert_fed(umld)
        self.assertEqual(umld.stop(), DONE)


class Signals(LawTest):
    def test_stop_before_reload(self):
        """Of both the stop is first, though SIGHUP is the lower number."""
        umld = self.start()
        umld.signal(signal.SIGSTOP)
        for number in signal.SIGHUP, signal.SIGTERM, signal.SIGCONT:
            umld.signal(number)
        self.assertEqual(umld.wait(), DONE)
        self.assertRegex(umld.log, r"running -> stopping(.|\n)*configuration reloaded")

    def test_stop_among_reloads(self):
        """Whoever sends SIGHUP all the time does not keep umld from stopping."""
        umld = self.start()
        storm = [subprocess.Popen(["sh", "-c", f"while kill -HUP {umld.pid}; do :; done"], stderr=subprocess.DEVNULL)
                 for _ in range(2)]
        try:
            wait_until(lambda: umld.log.count("configuration reloaded") > 10, what="reloads")
            self.assert_responds(umld)
            self.assertEqual(umld.stop(), DONE)
        finally:
            for each in storm:
                each.kill()
                each.wait()


if __name__ == "__main__":
    main()

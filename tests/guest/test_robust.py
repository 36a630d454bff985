#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""umld does not fall over: without memory, without descriptors, under signals, clients and full disks."""

import contextlib
import os
import re
import resource
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from umldtest import BUILD, DONE, FAILED, USAGE, TestCase, main, resting_descriptors, wait_until  # noqa: E402

QUICK = {"StartTimeout": "20s", "StopTimeout": "4s", "RestartDelayMax": "200ms"}


class RobustTest(TestCase):
    def start(self, fake="boot,ready", daemon=None, **sections):
        self.world.guest(fake=fake, **{"Supervise": QUICK, **sections})
        return self.daemon(**(daemon or {}))

    def restart_by_kill(self, umld, pid=None):
        since = len(umld.messages)
        os.kill(pid or umld.guest_pid(), signal.SIGKILL)
        umld.wait_state("running", 30, since)


class Clients(RobustTest):
    def connect(self):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(10)
        self.addCleanup(s.close)
        s.connect(str(self.world.runtime_dir / "web/bus"))
        return s

    def authenticated(self):
        s = self.connect()
        s.sendall(b"\0AUTH EXTERNAL " + str(os.getuid()).encode().hex().encode() + b"\r\n")
        self.assertTrue(s.recv(100).startswith(b"OK "))
        s.sendall(b"BEGIN\r\n")
        return s

    def test_thousand_silent(self):
        """They neither keep others out nor the guest from being restarted, and cost nothing that stays."""
        umld = self.start().wait_ready()
        files = resting_descriptors(umld.pid)
        clients = [self.connect() for _ in range(1000)]
        for s in clients[:10]:
            s.close()
        pid = wait_until(lambda: umld.status()["pid"], 10, "an answer to somebody else")
        self.restart_by_kill(umld, pid)
        for s in clients:
            s.close()
        wait_until(lambda: len(os.listdir(f"/proc/{umld.pid}/fd")) <= files + 2, 10, "descriptors as before")
        self.assertEqual(umld.log.count("control connections, "), 1)
        self.assertEqual(umld.stop(), DONE)

    def test_signals_before_hello(self):
        """A client that takes umld for a broker, as busctl does, gives up if a signal comes before the answer to its Hello."""
        umld = self.start().wait_ready()
        s = self.authenticated()
        self.restart_by_kill(umld)
        since = len(umld.messages)
        s.sendall(self.bus_call("Hello", "org.freedesktop.DBus", "/org/freedesktop/DBus"))
        self.assertEqual(umld.status()["state"], "running")  # it has looked at its clients
        s.sendall(self.ping())
        answer = s.recv(1000)
        self.assertEqual((answer[:2], struct.unpack_from("<I", answer, 8)[0]), (b"l\2", 1), answer)
        self.assertIn(b":1.1", answer)
        os.kill(umld.guest_pid(), signal.SIGKILL)
        umld.wait_state("running", 30, since)
        wait_until(lambda: b"StateChanged" in s.recv(100000), 10, "the signals after it")
        self.assertEqual(umld.stop(), DONE)

    def test_half_messages(self):
        umld = self.start().wait_ready()
        halves = (b"", b"\0", b"\0AUTH", b"\0AUTH EXTERNAL 30\r\nBEG", b"\r\n" * 5000, os.urandom(70000))
        for half in halves:
            for _ in range(5):
                with contextlib.suppress(OSError):
                    self.connect().sendall(half)
        for half in (b"l", b"l\1\0\1" + b"\0" * 8, b"l\1\0\1\xff\xff\xff\x07" + b"\1\0\0\0" * 2, b"B" * 16, bytes(64)):
            for _ in range(5):
                with contextlib.suppress(OSError):
                    self.authenticated().sendall(half)
        self.assertEqual(self.world.umlctl("status", "web").returncode, DONE)
        self.restart_by_kill(umld)
        self.assertEqual(umld.stop(), DONE)

    @staticmethod
    def memory(umld):
        """KiB that it has or had at most."""
        return int(re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{umld.pid}/status").read_text(encoding="utf-8"))[1])

    def closed(self, s):
        """Has umld closed it, whatever else it sent?"""
        s.settimeout(10)
        with contextlib.suppress(ConnectionError):
            while s.recv(65536):
                pass
        return True

    def answered(self, s):
        """libsystemd does not look at a request that came with the end of the authentication before the next one."""
        s.sendall(self.ping())
        with contextlib.suppress(TimeoutError):
            return len(s.recv(1000)) > 16
        return False

    def test_bounds(self):
        """What clients announce, pass, or do not read costs nothing, and they are closed."""
        # What is only allocated is not taken, unless libc is told to fill it, as meson does, or a sanitizer marks it.
        umld = self.start(daemon={"env": {"MALLOC_PERTURB_": "0"}}).wait_ready()
        bound = 8192 * (32 if "asan" in Path(f"/proc/{umld.pid}/maps").read_text(encoding="utf-8") else 1)
        files, before = resting_descriptors(umld.pid), self.memory(umld)
        for _ in range(64):
            s = self.authenticated()
            with contextlib.suppress(ConnectionError, TimeoutError):
                s.sendall(self.ping(127 << 20) + bytes(4 << 20))
            self.assertTrue(self.closed(s))
        self.assertLess(self.memory(umld) - before, bound)

        s = self.authenticated()
        null = os.open("/dev/null", os.O_RDONLY)
        self.addCleanup(os.close, null)
        socket.send_fds(s, [self.ping()[:30]], [null] * 100)
        with contextlib.suppress(ConnectionError):
            s.sendall(self.ping()[30:])
        self.assertEqual(self.world.umlctl("status", "web").returncode, DONE)
        self.assertLess(resting_descriptors(umld.pid), files + 5)

        s = self.authenticated()
        s.settimeout(1)
        wait_until(lambda: self.answered(s), 20, "an answer")  # what is closed below is not closed for another reason
        with contextlib.suppress(ConnectionError, TimeoutError):
            for _ in range(200):
                s.sendall(self.ping() * 500)
        self.assertLess(self.memory(umld) - before, bound)
        self.assertTrue(self.closed(s))
        self.restart_by_kill(umld)
        self.assertEqual(umld.stop(), DONE)

    def test_one_user(self):
        """A member of group umld has 16 connections, and root one more."""
        umld = self.start().wait_ready()
        bus = self.world.runtime_dir / "web/bus"
        bus.chmod(0o666)
        program = ("import os,socket,sys\n"
                   "all = [socket.socket(socket.AF_UNIX) for _ in range(40)]\n"
                   "def ok(s):\n"
                   "    try:\n"
                   "        s.connect('bus')\n"
                   "        s.sendall(b'\\0AUTH EXTERNAL ' + b'65534'.hex().encode() + b'\\r\\n')\n"
                   "        return s.recv(100).startswith(b'OK ')\n"
                   "    except ConnectionError:\n"
                   "        return False\n"
                   "os.chdir(sys.argv[1])\n"
                   "os.setgroups([]); os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 65534)\n"
                   "print(sum(map(ok, all)), flush=True)\n"
                   "sys.stdin.read()\n")
        other = subprocess.Popen([sys.executable, "-c", program, str(bus.parent)], stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE, text=True)
        self.addCleanup(other.communicate)
        self.assertEqual(other.stdout.readline(), "16\n")
        self.assertEqual(self.world.umlctl("status", "web").returncode, DONE)
        self.assertEqual(umld.log.count("control connections of uid 65534"), 1)
        self.assertEqual(umld.stop(), DONE)

    def test_flood(self):
        """Many that connect, ask and go, at once."""
        umld = self.start().wait_ready()
        pid, end = umld.guest_pid(), time.monotonic() + 1.5

        def flood():
            while time.monotonic() < end:
                with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as s:
                    s.connect(str(self.world.runtime_dir / "web/bus"))
                    s.sendall(b"\0AUTH EXTERNAL 30\r\nBEGIN\r\n")
        threads = [threading.Thread(target=flood) for _ in range(8)]
        for t in threads:
            t.start()
        self.restart_by_kill(umld, pid)
        for t in threads:
            t.join()
        wait_until(lambda: self.world.umlctl("status", "web").returncode == DONE, 10, "an answer")
        self.assertEqual(umld.stop(), DONE)


class Memory(RobustTest):
    timeout = 300

    def failing(self, every, after):
        return {"LD_PRELOAD": str(BUILD / "tests/lib/fail-malloc.so"), "FAIL_MALLOC_IN": "umld",
                "FAIL_MALLOC_EVERY": str(every), "FAIL_MALLOC_AFTER": str(after)}

    def run_without(self, every, after):
        """A life in which requests for memory fail. It ends by itself, or by a stop: never by a signal."""
        umld = self.start(daemon={"env": self.failing(every, after)}, Network={"Forward": "tcp/8080:80"})
        wait_until(lambda: umld.process.poll() is not None or umld.said("READY") or umld.log.count("-> backoff") > 2,
                   30, "an end, a guest, or some tries")
        for _ in range(3):
            with contextlib.suppress(AssertionError, subprocess.TimeoutExpired, KeyError):
                pid = self.world.umlctl("status", "web", "--json", timeout=5).json["pid"]
                if pid:
                    os.kill(pid, signal.SIGKILL)
        code = umld.stop(30)
        self.assertIn(code, (DONE, FAILED, USAGE), umld.log)
        if code != DONE:
            self.assertIn("error: ", umld.log)
        return umld

    def check(self, pairs):
        self.world.guest(fake="boot,ready", Supervise=QUICK)
        before = self.world.snapshot()
        for every, after in pairs:
            with self.subTest(every=every, after=after):
                try:
                    self.run_without(every, after)
                except AssertionError:
                    print("# " + self.world.daemons[-1].log.replace("\n", "\n# "), flush=True)
                    raise
                finally:
                    if self.world.daemons[-1].process.poll() is None:
                        self.world.daemons[-1].kill()
                umld = self.start(Network={"Forward": "tcp/8080:80"}).wait_ready()
                self.assertEqual(umld.stop(), DONE)
                self.assert_same_host(before)

    def test_in_start(self):
        self.check((every, 0) for every in (7, 29, 53, 69, 101, 118, 157, 331))

    def test_later(self):
        """What the start needs is there; the handlers meet the failures."""
        self.check((every, after) for every, after in ((2, 1500), (5, 1200), (13, 1500), (37, 1500)))


class Descriptors(RobustTest):
    def test_none_left(self):
        """umld has what it needs for the guest's end, and tries again until the next start works."""
        umld = self.start().wait_ready()
        used = max(int(fd) for fd in os.listdir(f"/proc/{umld.pid}/fd")) + 1
        pid = umld.guest_pid()
        soft, hard = resource.prlimit(umld.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(umld.pid, resource.RLIMIT_NOFILE, (used - 4, hard))
        since = len(umld.messages)
        os.kill(pid, signal.SIGKILL)
        umld.wait_state("backoff", 10, since)
        time.sleep(0.5)
        self.assertIsNone(umld.process.poll())
        resource.prlimit(umld.pid, resource.RLIMIT_NOFILE, (soft, hard))
        wait_until(lambda: umld.statuses()[-1] == "running", 20, "a guest again")
        wait_until(lambda: umld.status()["state"] == "running", 10)
        self.assertEqual(umld.stop(), DONE)


    def test_none_for_the_management_console(self):
        """The kernel says once where it listens; umld connects as soon as it can."""
        umld = self.start("wait:1500,boot,ready")
        umld.wait_state("booting")
        wait_until(lambda: umld.status()["state"] == "booting", 10)
        time.sleep(0.5)
        used = sorted(int(fd) for fd in os.listdir(f"/proc/{umld.pid}/fd"))
        lowest_free = next(n for n in range(len(used) + 1) if n not in used)
        soft, hard = resource.prlimit(umld.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(umld.pid, resource.RLIMIT_NOFILE, (lowest_free, hard))
        wait_until(lambda: "Run /sbin/init" in (self.world.log_dir / "web/console.log").read_text(), 20, "a booted kernel")
        time.sleep(0.5)
        self.assertFalse(umld.said("READY"))
        resource.prlimit(umld.pid, resource.RLIMIT_NOFILE, (soft, hard))
        umld.wait_ready()
        self.assertEqual(umld.status()["restarts"], 0)
        self.assertEqual(umld.stop(), DONE)


class Signals(RobustTest):
    def storm(self, pid, numbers, stop):
        while not stop.is_set():
            for number in numbers:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
            time.sleep(0.0005)

    def prepared(self, pid):
        """It blocks signals, and ignores this one, before it changes anything; before that they may kill it."""
        status = Path(f"/proc/{pid}/status").read_text()
        if not status.startswith("Name:\tumld\n"):
            return False
        return int(next(line for line in status.splitlines() if line.startswith("SigIgn")).split()[1], 16) >> (signal.SIGPIPE - 1) & 1

    def check(self, numbers):
        """A start, a restart and a stop while signals rain at 1 kHz."""
        self.world.guest(fake="boot,ready", Supervise=QUICK, Network={"Forward": "tcp/8080:80"})
        before = self.world.snapshot()
        umld = self.daemon()
        wait_until(lambda: self.prepared(umld.pid), 20, "umld to have its signals in hand")
        stop = threading.Event()
        thread = threading.Thread(target=self.storm, args=(umld.pid, numbers, stop))
        thread.start()
        try:
            umld.wait_ready(30)
            self.restart_by_kill(umld)
            umld.signal(signal.SIGTERM)
            self.assertEqual(umld.wait(30), DONE)
        finally:
            stop.set()
            thread.join()
        self.assert_same_host(before)

    def test_interrupted_calls(self):
        """SIGSTOP and SIGCONT interrupt what waits."""
        self.check([signal.SIGSTOP, signal.SIGCONT])

    def test_reloads(self):
        self.check([signal.SIGHUP])

    def test_strangers(self):
        self.check([signal.SIGCHLD, signal.SIGWINCH, signal.SIGURG, signal.SIGPIPE])


class FullDisk(RobustTest):
    def test_log(self):
        """A guest that prints more than there is room for runs on, and so does its log when there is room again."""
        directory = self.world.log_dir / "web"
        directory.mkdir(parents=True, exist_ok=True)
        self.world.host("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", directory)
        try:
            umld = self.start("boot,ready,print:2,say:end_of_text").wait_ready()
            self.restart_by_kill(umld)
            umld.wait_ready()
            pid = umld.guest_pid()
            wait_until(lambda: "console.log" in umld.log, 20, "a word about the log")
            self.assertLess(umld.log.count("console.log"), 10)
            self.assertEqual(umld.guest_pid(), pid)
            self.assertEqual(umld.stop(), DONE)
        finally:
            self.world.host("umount", directory)


if b"__asan_" in (BUILD / "daemon/umld").read_bytes():
    del Memory  # a sanitizer has a malloc of its own


if __name__ == "__main__":
    main()

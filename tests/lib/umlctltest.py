# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tests of umlctl alone share: directories of their own, and bus-fixture in the place of an umld."""

import atexit
import fcntl
import os
import pty
import select
import shutil
import struct
import subprocess
import tempfile
import termios
import threading
import time
import unittest

import jsonschemas
import umldtest
from umldtest import PATIENCE

def reachable(program):
    """A copy of a program that every user can reach, which below /root nobody could."""
    directory = tempfile.mkdtemp(prefix="umlctl-test-")
    atexit.register(shutil.rmtree, directory)
    os.chmod(directory, 0o755)
    # Where umld-image looks for what it preloads into e2fsprogs' programs.
    for name in "bin", "lib/preload":
        os.makedirs(os.path.join(directory, name))
    fix = umldtest.BUILD / "lib/preload/umld-image-fix.so"
    if fix.exists():
        shutil.copy(fix, os.path.join(directory, "lib/preload"))
    return shutil.copy(program, os.path.join(directory, "bin"))


UMLCTL = reachable(umldtest.BUILD / "umlctl/umlctl")
FIXTURE = str(umldtest.BUILD / "tests/system/bus-fixture")

ANSWER = 1.0 * PATIENCE  # within which a dead umld is told


class Umld:
    """A bus-fixture in the place of an umld."""

    def __init__(self, path, mode="full"):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        self.process = subprocess.Popen([FIXTURE, path, mode], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, bufsize=1)
        self.heard = []
        self.condition = threading.Condition()
        self.done = 0
        self.on_call = {}
        assert self.process.stdout.readline() == "ready\n"
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            word, _, rest = line.rstrip("\n").partition(" ")
            with self.condition:
                if word == "done":
                    self.done += 1
                else:
                    self.heard.append(rest)
                self.condition.notify_all()
            if word == "call" and rest in self.on_call:
                # Its answers to us come through this thread, so somebody else has to wait for them.
                threading.Thread(target=self.on_call[rest], daemon=True).start()

    def say(self, *words):
        with self.condition:
            before = self.done
            self.process.stdin.write(" ".join(words) + "\n")
            self.process.stdin.flush()
            if not self.condition.wait_for(lambda: self.done > before, 10):
                raise AssertionError("the fixture does not obey")

    @property
    def calls(self):
        """The methods that were called until now."""
        if self.process.poll() is None:
            self.say("linger", "0")  # what it says of the calls comes before what it says to this
        else:
            self.reader.join(10)
        return self.heard

    def set(self, **values):
        for name, value in values.items():
            self.say("set", name, str(value))

    def state(self, state, why="because"):
        self.say("state", state, why)

    def end(self):
        if self.process.poll() is None:
            self.process.stdin.close()
            self.process.wait(10)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if not self.process.stdin.closed:
            try:
                self.process.stdin.close()
            except BrokenPipeError:
                pass
        self.reader.join(10)
        self.process.stdout.close()


class Case(unittest.TestCase):
    def setUp(self):
        # In /var/tmp and open to all: one test looks at it as another user.
        self.top = tempfile.mkdtemp(prefix="umlctl-", dir="/var/tmp")
        os.chmod(self.top, 0o755)
        self.addCleanup(shutil.rmtree, self.top)
        self.env = {k: v for k, v in os.environ.items()
                    if not k.startswith("UMLD_") and k not in ("NO_COLOR", "LS_COLORS")}
        self.env.update(LC_ALL="C.UTF-8", TERM="xterm", UMLD_PAGER="")
        self.command = [UMLCTL]
        for kind in ("config", "runtime", "state", "log"):
            path = os.path.join(self.top, kind)
            os.mkdir(path, 0o755)
            self.env["UMLD_%s_DIR" % kind.upper()] = path

    def configure(self, *names):
        for name in names:
            with open(os.path.join(self.top, "config", name + ".conf"), "w"):
                pass

    def socket(self, name="web"):
        return os.path.join(self.top, "runtime", name, "bus")

    def umld(self, name="web", mode="full", **values):
        u = Umld(self.socket(name), mode)
        self.addCleanup(u.close)
        if mode == "full":
            u.set(Name=name, **values)
        return u

    def running(self, name="web", **values):
        now = int(time.time() * 1e6)
        return self.umld(name, **dict(dict(State="running", Wanted="up", Since=now - 5000000, Pid=4711,
                                           Started=now - 6000000), **values))

    def last_exit(self, name="web", text="STATE=stopped\nVERDICT=poweroff\nWHEN=1700000000000000\n"):
        path = os.path.join(self.top, "state", name)
        os.makedirs(path, exist_ok=True)
        with open(os.path.join(path, "last-exit"), "wb") as f:
            f.write(text if isinstance(text, bytes) else text.encode())

    def run_umlctl(self, *args, timeout=30, **more):
        more = dict(dict(stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL), **more)
        env = dict(self.env, **more.pop("env", {}))
        begin = time.monotonic()
        p = subprocess.run(self.command + list(args), env=env, timeout=timeout, check=False, text=True, **more)
        self.took = time.monotonic() - begin
        return p

    def expect(self, code, *args, **more):
        p = self.run_umlctl(*args, **more)
        self.assertEqual(p.returncode, code, "%s: %s%s" % (args, p.stdout, p.stderr))
        if "--json" in args and p.stdout:
            jsonschemas.check(args, p.stdout)
        return p

    def expect_line(self, code, *args, **more):
        """The exit code, and one line on standard error that begins as all do. Returns the line."""
        p = self.expect(code, *args, **more)
        self.assertEqual(p.stderr.count("\n"), 1, p.stderr)
        self.assertTrue(p.stderr.startswith("umlctl: "), p.stderr)
        return p.stderr

    def start_umlctl(self, *args, **more):
        p = subprocess.Popen([UMLCTL] + list(args), env=dict(self.env, **more), stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

        def finish():
            if p.poll() is None:
                p.kill()
            p.communicate()
        self.addCleanup(finish)
        return p

    def wait_for(self, condition, seconds=10):
        end = time.monotonic() + seconds
        while not condition():
            self.assertLess(time.monotonic(), end, "waited for too long")
            time.sleep(0.01)

    def on_terminal(self, *args, seconds=10, columns=0, **env):
        """Runs with standard output and error on a terminal; returns exit code and what it showed."""
        pid, fd = pty.fork()
        if pid == 0 and columns:
            fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("4H", 25, columns, 0, 0))
        if pid == 0:
            os.execve(UMLCTL, [UMLCTL] + list(args), dict(self.env, **env))
        shown = b""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if select.select([fd], [], [], 0.1)[0]:
                try:
                    data = os.read(fd, 65536)
                except OSError:
                    break
                if not data:
                    break
                shown += data
        os.close(fd)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown.decode(errors="replace")

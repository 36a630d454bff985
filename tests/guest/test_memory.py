#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The guest's memory: with real kernels that touch all of it, on every backing and on hosts that refuse things."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from umldtest import BUILTIN, DONE, FAILED, MAKE_GUEST, NOT_RUNNING, USAGE, TestCase, kernels_for, main, wait_until

MIB = 1 << 20
QUICK = {"StartTimeout": "30s", "StopTimeout": "10s", "RestartDelayMax": "5s"}
NOBODY = 65534

# Fills the guest's RAM from two sides: a tmpfs, and the cache of a disk that is written and read.
STRESS = """#!/bin/sh
grep -q stress /proc/cmdline || exit 0
mkdir -p /tmp/ram
mount -t tmpfs -o size=90% none /tmp/ram
dd if=/dev/zero of=/disk bs=1M count=100 2>/dev/null &
dd if=/dev/zero of=/tmp/ram/fill bs=1M count=150 2>/dev/null
wait
cat /disk >/dev/null
sync
rm /disk /tmp/ram/fill
echo "stress done" >/proc/mconsole
"""


def stress_image(directory):
    """The default guest, and what fills its memory when the kernel's arguments have the word stress."""
    overlay = Path(directory) / "overlay"
    (overlay / "etc").mkdir(parents=True)
    inittab = (BUILTIN / "etc/inittab").read_text()
    (overlay / "etc/inittab").write_text(inittab + "::once:/etc/stress\n")
    (overlay / "etc/stress").write_text(STRESS)
    (overlay / "etc/stress").chmod(0o755)
    image = Path(directory) / "root.img"
    subprocess.run([MAKE_GUEST, "--size", "512M", "--overlay", overlay, image], check=True, timeout=60,
                   stdout=subprocess.DEVNULL)
    return image


class Case(TestCase):
    def refusing(self, *words):
        """What to run umld with on a host that refuses that, in the words of tests/lib/refuse.c."""
        return [self.world.program("tests/lib/refuse"), *words, "--"] if words else []

    def shm_size(self):
        return int(self.world.host("stat", "-f", "-c", "%b", "/dev/shm")) * 4096

    def occupy(self, megabytes, name="foreign"):
        """Somebody else's file on /dev/shm."""
        self.world.host("dd", "if=/dev/zero", f"of=/dev/shm/{name}", "bs=1M", f"count={megabytes}")

    def release(self, name="foreign"):
        self.world.host("rm", f"/dev/shm/{name}")

    def open_tun(self):
        """A /dev/net/tun for everybody, so that no guest needs one of its own, in a mount namespace."""
        self.world.host("chmod", "0666", "/dev/net/tun")

    def group(self, limit):
        group, _ = self.world.memory_group(limit)
        if not group:
            self.skipTest("no memory controller in the control groups of this machine")
        return group

    @staticmethod
    def limit_file(group):
        return "memory.limit_in_bytes" if (group / "memory.limit_in_bytes").exists() else "memory.max"

    @staticmethod
    def held(group):
        """What of the memory of the group and those in it the host cannot drop, be it the guest's or umld's own."""
        stat = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
        return int(stat.get("anon") or stat["total_rss"]) + int(stat.get("total_shmem") or stat["shmem"])


class Seed(Case):
    """A 64 MiB /dev/shm, and a guest of 256 MiB that uses what it was promised."""

    shm = "64M"

    @classmethod
    def setUpClass(cls):
        scratch = tempfile.mkdtemp(prefix="umld-memory.", dir="/var/tmp")
        cls.addClassCleanup(shutil.rmtree, scratch)
        cls.image = stress_image(scratch)

    def by_hand(self, kernel):
        """As the manual of user-mode-linux says: (status, output)."""
        self.world.guest(kernel=kernel, image=self.image)
        image = self.world.image()
        os.chown(image, NOBODY, NOBODY)
        self.world.dir.chmod(0o755)
        command = self.world.command(
            "host", "unshare", "--pid", "--fork", "--kill-child", "sh", "-c", '"$@"; exit $?', "sh", "setpriv", f"--reuid={NOBODY}",
            f"--regid={NOBODY}", "--clear-groups", "env", "-i", f"LD_PRELOAD={self.preload()}", "setarch", "-R",
            self.world.kernel(kernel), "mem=256M", f"ubda={image}", "root=/dev/ubda", "rw", "con=null",
            "con0=fd:0,fd:1", "uml_dir=/dev/shm", "noreboot", "stress", "lpj=20000000",
            "initcall_blacklist=raid6_select_algo,raid6_init")
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT) as process:
            try:
                output = process.communicate(timeout=60)[0].decode(errors="replace")
            except subprocess.TimeoutExpired:
                process.kill()
                self.fail(f"it lives: {process.communicate()[0][-2000:]!r}")
        return process.returncode, output

    def preload(self):
        self.world.program("daemon/umld")
        return self.world.programs / "lib/preload/umld-cpu-fix.so"

    def live(self, kernel, backing, refuse=(), memory=None, root="yes"):
        """Under umld: the status with all memory touched."""
        self.world.guest(kernel=kernel, image=self.image, Guest={"Memory": "256M", "Append": "stress"},
                         Supervise=QUICK, Memory={"Backing": backing, **(memory or {})}, Confine={"PrivateRoot": root})
        self.world.image().chmod(0o600)
        before = self.world.snapshot()
        umld = self.daemon(wrapper=self.refusing(*refuse)).wait_ready()
        wait_until(lambda: "message from the guest: stress done" in umld.log or umld.status()["restarts"], 60,
                   "all memory touched")
        status = umld.status()
        self.assertEqual((status["restarts"], status["state"]), (0, "running"), umld.log)
        self.assertGreater(status["memory"]["used"], 200 * MIB)
        self.assertEqual(umld.stop(), DONE)
        self.assert_same_host(before)
        return status["memory"], umld

    def test_by_hand_it_dies(self):
        for kernel in kernels_for(0):
            with self.subTest(kernel=kernel.name):
                status, output = self.by_hand(kernel)
                self.assertEqual(status, 128 + signal.SIGABRT, output[-2000:])
                self.assertIn("Bus error - the host /dev/shm or /tmp mount likely just ran out of space", output)

    def test_shm(self):
        for kernel in kernels_for(1):
            with self.subTest(kernel=kernel.name):
                memory, umld = self.live(kernel, "shm")
                self.assertEqual((memory["backing"], memory["path"]), ("shm", "/dev/shm"))
                self.assertRegex(umld.log, r"/dev/shm remounted: 64M -> \d+M")

    def test_private(self):
        """What auto chooses for a kernel that sees nothing else of the host."""
        for kernel in kernels_for(2):
            with self.subTest(kernel=kernel.name):
                memory, umld = self.live(kernel, "auto")
                self.assertEqual(memory["backing"], "private")
                self.assertEqual(memory["path"], str(self.world.runtime_dir / "web/memory"))
                self.assertNotIn("remounted", umld.log)

    def test_directory(self):
        for kernel in kernels_for(3):
            with self.subTest(kernel=kernel.name):
                directory = self.world.dir / "memory"
                directory.mkdir(exist_ok=True)
                directory.chmod(0o1777)
                memory, umld = self.live(kernel, f"dir:{directory}")
                self.assertEqual((memory["backing"], memory["path"]), ("dir", str(directory)))
                self.assertIn("is on a disk", umld.log)
                self.assertEqual(list(directory.iterdir()), [])

    def test_remount_forbidden(self):
        for kernel in kernels_for(4):
            with self.subTest(kernel=kernel.name):
                memory, umld = self.live(kernel, "auto", refuse=["remount"], root="no")
                self.assertEqual(memory["backing"], "private")
                self.assertIn("the host refuses to remount it: Operation not permitted", memory["refused"])
                self.assertIn("memory cannot be backed by shm: /dev/shm is 64M", umld.log)

    def test_remount_and_namespaces_forbidden(self):
        self.open_tun()
        for kernel in kernels_for(5):
            with self.subTest(kernel=kernel.name):
                memory, umld = self.live(kernel, "auto", refuse=["remount", "newns"])
                self.assertEqual(memory["backing"], "private")
                self.assertIn("no private mounts on this host (Operation not permitted)", umld.log)


class Refused(Case):
    """Hosts that refuse things, with a guest that boots in no time."""

    shm = "16M"

    def start(self, refuse=(), fake="memory:30,boot,ready", name="web", **memory):
        self.world.guest(name, fake=fake, Supervise={**QUICK, "Ready": "guest"}, Memory=memory)
        return self.daemon(name, wrapper=self.refusing(*refuse))

    def test_everything_refused(self):
        before = self.world.snapshot()
        umld = self.start(["mount"])
        self.assertEqual(umld.wait(), FAILED)
        self.assertRegex(umld.log, r"no place for the guest's memory \(shm: /dev/shm is 16M .*; private: the host "
                                   r"refuses a tmpfs .*\); .* set Backing=dir:PATH")
        (self.world.config_dir / "web.conf").unlink()
        after = self.world.snapshot()
        after.text = re.sub(r".*/lib/web.*\n", "", after.text)
        self.assertEqual(before.difference(after), "")

    def test_a_backing_that_is_named_is_not_replaced(self):
        umld = self.start(["remount"], Backing="shm")
        self.assertEqual(umld.wait(), FAILED)
        self.assertIn("/dev/shm is 16M with 0M in use, needs to be 40M", umld.log)
        self.assertNotIn("private", umld.log)

    def test_directory_faults(self):
        umld = self.start(Backing="dir:/nonexistent/place")
        umld.wait()
        self.assertIn("Backing=dir:/nonexistent/place: No such file or directory; create that directory", umld.log)
        umld = self.start(Backing=f"dir:{self.world.image()}")
        umld.wait()
        self.assertIn("Not a directory", umld.log)
        self.world.host("mount", "-o", "remount,noexec", "/dev/shm")
        umld = self.start(Backing="dir:/dev/shm")
        umld.wait()
        self.assertIn("Backing=dir:/dev/shm is mounted noexec; name another directory", umld.log)

    def test_directory_on_a_small_tmpfs(self):
        umld = self.start(Backing="dir:/dev/shm", Balloon="no")
        umld.wait_state("backoff")
        self.assertRegex(umld.log, r"Backing=dir:/dev/shm has 16M free, other guests may still use 0M of that, "
                                   r"and this one needs 40M; free some space there")
        umld.stop()

    def test_private_is_the_guests_alone(self):
        umld = self.start(Backing="private").wait_ready()
        directory = self.world.runtime_dir / "web/memory"
        self.assertEqual(list(directory.iterdir()), [])
        self.assertNotIn(str(directory), Path(f"/proc/{umld.pid}/mountinfo").read_text())
        mount = re.search(rf".* {directory} (\S+) .*- tmpfs \S+ (\S+)",
                          Path(f"/proc/{umld.guest_pid()}/mountinfo").read_text())
        self.assertNotIn("noexec", mount[1])
        self.assertIn("nosuid", mount[1])
        self.assertIn("size=40960k", mount[2])
        self.assertIn(f"uid={umld.guest_uid()}", mount[2])
        self.assertGreaterEqual(umld.status()["memory"]["used"], 30 * MIB)
        umld.stop()

    def test_mount_in_the_runtime_directory_is_undone(self):
        """… by the next umld where the first was killed."""
        self.open_tun()
        self.world.guest(fake="boot,ready", Supervise=QUICK, Memory={"Backing": "private"})
        before = self.world.snapshot()
        umld = self.daemon(wrapper=self.refusing("newns")).wait_ready()
        directory = self.world.runtime_dir / "web/memory"
        options = self.world.host("findmnt", "-no", "OPTIONS", directory)
        self.assertIn("size=40960k", options)
        self.assertNotIn("noexec", options)
        umld.kill()
        wait_until(lambda: not [p for p in self.world.processes().values() if "fake-guest" in p], 5, "its end")
        self.assertIn("size=", self.world.host("findmnt", "-no", "OPTIONS", directory))
        umld = self.daemon().wait_ready()
        self.assertIn("cleaning up after a killed umld", umld.log)
        self.assertEqual(self.world.run("host", "findmnt", directory).returncode, 1)
        umld.stop()
        self.assert_same_host(before)

    def test_restart_keeps_what_there_is(self):
        self.open_tun()
        umld = self.start(["newns"], fake="boot,user:READY=1,ready", Backing="private").wait_ready()
        pid = umld.guest_pid()
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: umld.status()["pid"] not in (None, pid), 10, "another boot")
        mounts = Path(f"/proc/{umld.pid}/mountinfo").read_text()
        self.assertEqual(mounts.count(str(self.world.runtime_dir / "web/memory")), 1)
        umld.stop()


class Claims(Case):
    """Guests that start at the same time share what there is."""

    shm = "64M"

    def start_two(self, refuse=()):
        """Both need 40M; with what they hold at once, and with what they may come to hold."""
        daemons = []
        for name, tap, net in (("one", "tap1", "10.0.1"), ("two", "tap2", "10.0.2")):
            self.world.guest(name, fake="memory:4,boot,ready", Supervise=QUICK, Network={
                "Tap": tap, "HostAddress": f"{net}.1/24", "GuestAddress": f"{net}.2"})
        for name in ("one", "two"):
            daemons.append(self.daemon(name, wrapper=self.refusing(*refuse)))
        return [d.wait_ready() for d in daemons]

    def test_grown_for_both(self):
        before = self.world.host("findmnt", "-no", "OPTIONS", "/dev/shm")
        for _ in range(5):
            one, two = self.start_two()
            self.assertEqual([d.status()["memory"]["backing"] for d in (one, two)], ["shm", "shm"])
            self.assertGreaterEqual(self.shm_size(), 80 * MIB)
            one.stop()
            self.assertGreaterEqual(self.shm_size(), 80 * MIB) # the other still needs it
            two.stop()
            self.assertEqual(self.world.host("findmnt", "-no", "OPTIONS", "/dev/shm"), before)

    def test_not_over_committed(self):
        for _ in range(5):
            daemons = self.start_two(["remount"])
            self.assertIn("shm", [d.status()["memory"]["backing"] for d in daemons] + ["shm"])
            backings = sorted(d.status()["memory"]["backing"] for d in daemons)
            self.assertNotEqual(backings, ["shm", "shm"])
            self.assertEqual(self.shm_size(), 64 * MIB)
            for d in daemons:
                d.stop()

    def test_one_after_the_other(self):
        """Of what the first guest has taken already nothing is counted twice."""
        self.world.guest("one", fake="memory:30,boot,ready", Network={"Tap": "tap1"},
                         Supervise={**QUICK, "Ready": "guest"}, Guest={"Memory": "32M"})
        one = self.daemon("one").wait_ready()
        wait_until(lambda: re.search(r" \d+ [1-9]\d*\n", self.claim("one")), 15, "the claim with its process")
        self.assertEqual(self.shm_size(), 64 * MIB)
        self.occupy(10)
        # 40 of the first + 10 foreign; it takes 30 already, so "used + claims" would be 70 without the second
        self.world.guest("two", fake="boot,ready", Supervise=QUICK, Network={
            "Tap": "tap2", "HostAddress": "10.0.2.1/24", "GuestAddress": "10.0.2.2"})
        two = self.daemon("two").wait_ready()
        self.assertGreaterEqual(self.shm_size(), 90 * MIB)
        self.assertLess(self.shm_size(), 110 * MIB)
        one.stop()
        two.stop()
        self.release()
        self.assertEqual(self.shm_size(), 64 * MIB)

    def claim(self, name):
        return (self.world.runtime_dir / ".shared/memory" / f"user.{name}").read_text()


class Watch(Case):
    """While a guest runs, somebody else fills its file system."""

    shm = "64M"

    def start(self, refuse=()):
        self.world.guest(fake="memory:4,boot,ready", Supervise=QUICK)
        umld = self.daemon(wrapper=self.refusing(*refuse)).wait_ready()
        self.assertEqual(self.shm_size(), 64 * MIB)
        self.assertIsNone(umld.status()["memory"]["pressure"])
        return umld

    def test_grown_before_it_dies(self):
        before = self.world.snapshot()
        umld = self.start()
        self.occupy(40)
        wait_until(lambda: self.shm_size() >= 80 * MIB, 15, "a larger /dev/shm")
        self.assertIsNone(umld.status()["memory"]["pressure"])
        self.release()
        umld.stop()
        (self.world.config_dir / "web.conf").unlink()
        self.assert_same_host(before)

    def test_told_where_it_cannot_grow(self):
        umld = self.start(["remount"])
        bus = self.listen_to_signals()
        self.occupy(18)
        message = umld.wait_message(lambda f: "nearly full" in f.get("STATUS", ""), 15, "a warning")
        self.assertRegex(message.fields["STATUS"], r"^running: memory: /dev/shm is nearly full: 22M of 64M are used, "
                                                   r"and guests may use 36M more$")
        self.occupy(40)
        message = umld.wait_message(lambda f: "too small" in f.get("STATUS", ""), 15, "an alarm")
        self.assertRegex(umld.status()["memory"]["pressure"], r"^/dev/shm is too small: 44M of 64M are used, and")
        self.assertEqual(umld.log.count("the host refuses to remount it: Operation not permitted"), 1)
        began = time.monotonic()
        self.release()
        umld.wait_message(lambda f: f.get("STATUS") == "running: memory: sufficient again", 5, "the end of it")
        self.assertLess(time.monotonic() - began, 4) # looks are quick while it lasts
        self.assertIsNone(umld.status()["memory"]["pressure"])
        signals = self.signals_heard(bus)
        for old, new in (("none", "tight"), ("tight", "short"), ("short", "none")):
            self.assertRegex(signals, rb"(?s)MemoryPressureChanged.*\0" + old.encode() + rb"\0.{4,8}" + new.encode() + rb"\0")
        umld.stop()

    def test_ends_with_the_boot(self):
        """Who was told of the pressure is told that it is over: a guest that does not run needs no memory."""
        umld = self.start(["remount"])
        bus = self.listen_to_signals()
        self.occupy(18)
        umld.wait_message(lambda f: "nearly full" in f.get("STATUS", ""), 15, "a warning")
        since = len(umld.messages)
        os.kill(umld.guest_pid(), signal.SIGKILL)
        umld.wait_message(lambda f: f.get("STATUS") == "running: memory: the guest is not running", 5, "the end of it", since)
        umld.wait_state("backoff", since=since)
        self.assertIn(b"\0the guest is not running\0", self.signals_heard(bus))
        umld.wait_message(lambda f: "nearly full" in f.get("STATUS", ""), 15, "a warning of the next boot", since)
        umld.stop()

    def test_idle_umld_rarely_wakes(self):
        umld = self.start()
        time.sleep(6)  # the last that follows a start is a question to the guest, 3 to 5 s after it

        def switches():
            return int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", Path(f"/proc/{umld.pid}/status").read_text(),
                                 re.MULTILINE)[1])
        before = switches()
        time.sleep(10.5)
        # The heartbeat every 5 s, its answer, a look at the rules every 2.5 s and at memory every 10 s
        self.assertLessEqual(switches() - before, 14)
        umld.stop()


class Balloon(Case):
    """The only way by which memory comes back from a kernel."""

    shm = "300M"

    @classmethod
    def setUpClass(cls):
        scratch = tempfile.mkdtemp(prefix="umld-memory.", dir="/var/tmp")
        cls.addClassCleanup(shutil.rmtree, scratch)
        cls.image = stress_image(scratch)

    def start(self, kernel):
        """A guest that has touched all its memory, and has much of it free."""
        self.world.guest(kernel=kernel, image=self.image, Guest={"Memory": "256M", "Append": "stress"},
                         Supervise=QUICK)
        umld = self.daemon().wait_ready()
        wait_until(lambda: "message from the guest: stress done" in umld.log, 60, "all memory touched")
        return umld

    def memory(self, *arguments):
        return self.world.umlctl("memory", "web", *arguments)

    def shrink_meanwhile_responding(self, umld, size):
        """What umlctl says of it. A kernel does nothing else while it moves memory, so it is not asked for all at once."""
        with subprocess.Popen(self.world.command("host", self.world.program("umlctl/umlctl"), "memory", "web", "--shrink", size, "--json"),
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8") as shrinks:
            answers = 0
            while shrinks.poll() is None:
                answers += "Linux" in umld.mconsole("version")
            output, errors = shrinks.communicate()
        self.assertEqual((shrinks.returncode, errors), (DONE, ""))
        self.assertGreater(answers, 2)
        return json.loads(output)

    def test_moved_by_order(self):
        for kernel in kernels_for(6):
            with self.subTest(kernel=kernel.name):
                umld = self.start(kernel)
                used = umld.status()["memory"]["used"]
                self.assertGreater(used, 200 * MIB)
                answer = self.shrink_meanwhile_responding(umld, "100M")
                self.assertAlmostEqual(answer["before"], used, delta=8 * MIB)
                self.assertAlmostEqual(answer["after"], used - 100 * MIB, delta=8 * MIB)
                self.assertEqual(answer["balloon"], 100 * MIB)
                memory = umld.status()["memory"]
                self.assertEqual(memory["balloon"], 100 * MIB)
                self.assertGreaterEqual(memory["peak"], used)

                p = self.memory("--grow", "101M")
                self.assertEqual((p.returncode, p.stderr), (
                    FAILED, "umlctl: web: the balloon holds 100M; Memory= sets the maximum of the guest\n"))
                p = self.memory("--grow=60M")
                self.assertRegex(p.stdout, r"^web: \S+M of the host's memory used, was \S+M; 40M in the balloon\n$")
                free = int(re.search(r"MemFree:\s+(\d+)", umld.mconsole("proc meminfo"))[1]) * 1024
                p = self.memory(f"--shrink={free}")
                self.assertEqual(p.returncode, FAILED)
                self.assertRegex(p.stderr, r"^umlctl: web: only \d+M can be taken from the guest at the moment")

                pid = umld.guest_pid()
                os.kill(pid, signal.SIGKILL)
                wait_until(lambda: umld.status()["state"] == "running" and umld.guest_pid() not in (None, pid), 10)
                self.assertEqual(umld.status()["memory"]["balloon"], 0)
                self.assertLess(umld.status()["memory"]["peak"], used)
                umld.stop()

    def test_by_itself(self):
        """Balloon=auto: the host is short of memory, and gets back what the guest does not use."""
        for kernel in kernels_for(7):
            with self.subTest(kernel=kernel.name):
                group = self.group(400 * MIB)
                self.world.guest(kernel=kernel, image=self.image, Guest={"Memory": "256M", "Append": "stress"},
                                 Supervise=QUICK, Memory={"Balloon": "auto"})
                inside = ["sh", "-c", f'echo $$ >{group}/cgroup.procs; exec "$@"', "sh"]
                umld = self.daemon(wrapper=inside).wait_ready()
                self.assertNotIn("balloon", umld.log)
                wait_until(lambda: "message from the guest: stress done" in umld.log, 90, "all memory touched")
                used = umld.status()["memory"]["used"]
                (group / self.limit_file(group)).write_text(str(self.held(group) + 24 * MIB))
                wait_until(lambda: umld.status()["memory"]["balloon"] >= 64 * MIB, 40, "the balloon's work")
                self.assertIn("memory: the host's memory is ", umld.log)
                self.assertRegex(umld.log, r"memory: the balloon now holds \d+M of the guest")
                self.assertLess(umld.status()["memory"]["used"], used - 16 * MIB)
                umld.stop()

    def test_shown(self):
        self.world.guest(fake="memory:8,boot,ready", Supervise={**QUICK, "Ready": "guest"})
        p = self.memory()
        self.assertEqual((p.returncode, p.stderr), (NOT_RUNNING, "umlctl: web is not running, so it uses no memory\n"))
        umld = self.daemon().wait_ready()
        p = self.memory()
        self.assertRegex(p.stdout, r"^Size +32M\nUsed +8M\nPeak +8M\nBalloon +0B\nBacking +shm\nPath +/dev/shm\n$")
        self.assertEqual(self.memory("--json").json, umld.status()["memory"])
        self.assertEqual(self.memory("--shrink=0").returncode, USAGE)
        self.assertEqual(self.memory("--shrink=1M", "--grow=1M").returncode, USAGE)
        p = self.memory("--shrink=64M")
        self.assertEqual((p.returncode, p.stderr), (FAILED, "umlctl: web: the guest has 32M\n"))
        umld.stop()


class Limits(Case):
    """What limits the host's memory, by a control group that umld is in."""

    shm = "300M"

    def check(self, limit, memory):
        group = self.group(limit)
        self.world.guest(fake="boot", Guest={"Memory": memory})
        return self.world.run("host", "sh", "-c", f'echo $$ >{group}/cgroup.procs; exec "$@"', "sh",
                              self.world.program("daemon/umld"), "--check", "web")

    def test_too_little(self):
        p = self.check(128 * MIB, "256M")
        self.assertEqual(p.returncode, FAILED, p)
        self.assertRegex(p.stderr, rf"Memory=256M: the host has too little memory: by memory\.\S+ of control group "
                                   rf"/umld-{self.world.name}-\d+ 1[12]\dM of 128M are left, "
                                   "the guest needs 264M; lower Memory=")

    def test_tight(self):
        # umld is in the group as well, and takes some 10M with sanitizers.
        p = self.check(256 * MIB, "224M")
        self.assertEqual(p.returncode, DONE, p)
        self.assertRegex(p.stderr, r"Memory=224M is a tight fit: by memory\.")

    def test_enough(self):
        p = self.check(512 * MIB, "128M")
        self.assertEqual((p.returncode, p.stderr), (DONE, ""))

    def test_more_than_there_is(self):
        self.world.guest(fake="boot", Guest={"Memory": "900G"})
        p = self.world.check("web")
        self.assertEqual(p.returncode, FAILED)
        self.assertRegex(p.stderr, r"by MemAvailable \d+M of \d+M are left, the guest needs 921608M")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""umld is replaced under its guest, which does not notice."""

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from umldtest import (BUILD, DONE, FAILED, MAKE_GUEST, PATIENCE, TestCase, each_kernel, main, process_alive, resting_descriptors,
                      wait_until)

PORT = 8080
REEXECS = int(os.environ.get("UMLD_TEST_REEXECS", "0"))  # in a row in each state, with wrk; 0: some, as there is time for


class Base(TestCase):
    @contextlib.contextmanager
    def replaced(self):
        """umld is replaced all the time, at random moments. The list holds how that went."""
        over, said = threading.Event(), []

        def replace():
            while not over.is_set():
                time.sleep(random.uniform(0, 0.3))
                said.append(self.world.umlctl("reexec", "web", timeout=100))
        orders = threading.Thread(target=replace)
        orders.start()
        try:
            yield said
        finally:
            over.set()
            orders.join()

    def reexec(self, code=DONE):
        p = self.world.umlctl("reexec", "web", timeout=100)
        self.assertEqual(p.returncode, code, p.stderr)
        return p.stdout + p.stderr


class Replaced(Base):
    def start(self, fake="boot,ready", timeout="60s", supervise=None, **sections):
        self.world.guest(fake=fake, Supervise={"StopTimeout": "4s", "AdoptTimeout": timeout, **(supervise or {})}, **sections)
        return self.daemon().wait_ready()

    def replace(self, text):
        """Puts another program in the place of umld, which others execute from now on."""
        program = self.world.program("daemon/umld")
        before = program.with_name("umld.before")
        program.rename(before)
        program.write_text(text)
        program.chmod(0o755)
        return before

    def on_trial(self, confirm):
        umld = self.start(Network={"Forward": "tcp/8080:80"})
        self.world.guest(fake="boot,ready", Supervise={"StopTimeout": "4s", "AdoptTimeout": "60s"}, Network={"Forward": "tcp/9090:80"})
        self.assertEqual(self.world.umlctl("reload", "web", f"--confirm={confirm}").returncode, DONE)
        return umld

    def forwards(self):
        return [line.split("--dport ")[1].split()[0] for line in self.world.tables("nat")
                if line.startswith("-A UMLD-PRE-web ") and " DNAT " in line]


class Running(Replaced):
    def test_many(self):
        """The same process, and the same guest; nothing is collected in either."""
        self.world.guest(fake="boot,ready", Supervise={"AdoptTimeout": "60s"})
        before = self.world.snapshot()
        umld = self.daemon().wait_ready()
        was, descriptors = umld.status(), []
        for i in range(1, 11):
            self.assertRegex(self.reexec(), "web: umld .* has taken over from")
            now = umld.status()
            self.assertEqual((now["pid"], now["daemon"]["pid"], now["reexecs"], now["adopted"], now["restarts"]),
                             (was["pid"], umld.pid, i, 0, 0))
            self.assertEqual((now["since"], now["state"]), (was["since"], "running"))
            if i in (1, 10):
                descriptors.append(resting_descriptors(umld.pid))
        self.assertEqual(*descriptors)
        os.kill(now["pid"], signal.SIGKILL)
        wait_until(lambda: umld.status()["restarts"] == 1 and umld.status()["state"] == "running", 20)
        self.assertEqual(umld.stop(), DONE)
        self.assert_same_host(before)

    def test_with_nothing_to_wait_for(self):
        """AdoptTimeout=0 is about the death of umld, which this is not."""
        umld = self.start(timeout="0")
        pid = umld.guest_pid()
        self.reexec()
        self.assertEqual(umld.guest_pid(), pid)
        umld.kill()
        wait_until(lambda: not process_alive(pid), 10, "the end of the guest")

    def test_killed_after_it(self):
        """A client that follows events hears of the death, but nothing of the reexec."""
        umld = self.start("memory:4,boot,ready", supervise={"HangCheck": "1s"})
        pid = umld.guest_pid()
        past = self.past(umld)
        events = subprocess.Popen(self.world.command("host", self.world.program("umlctl/umlctl"), "events", "--follow", "web"),
                                  stdout=subprocess.PIPE, text=True)
        self.addCleanup(events.communicate)
        self.addCleanup(events.kill)
        self.assertEqual(json.loads(events.stdout.readline())["new"], "running")
        self.reexec()
        self.assert_follows(past, self.past(umld))
        umld.kill()
        said = json.loads(events.stdout.readline())
        self.assertEqual((said["event"], said["old"]), ("lost", "running"), said)
        heir = self.daemon().wait_ready()
        status = heir.status()
        self.assertEqual((status["pid"], status["reexecs"], status["adopted"]), (pid, 1, 1))
        self.assert_follows(past, self.past(heir))

    def past(self, umld):
        """What is known of the last hour: samples, and heartbeats that were answered."""
        def look():
            samples = self.world.umlctl("history", "web", "--json").json
            metrics = self.world.umlctl("metrics", "web").stdout.splitlines()
            beats = sum(int(line.split()[1]) for line in metrics if line.startswith("umld_guest_heartbeat_seconds_count{"))
            return (samples, beats) if samples and beats else None
        return wait_until(look, 20, "a sample and a heartbeat")

    def assert_follows(self, before, after):
        self.assertEqual(after[0][:len(before[0])], before[0])
        self.assertGreaterEqual(after[1], before[1])

    def test_during_a_start(self):
        """The boot goes on, and what is left of StartTimeout= is left."""
        self.world.guest(fake=f"boot,wait:{int(4000 * PATIENCE)},user:READY=1", Supervise={"Ready": "guest", "AdoptTimeout": "60s"})
        umld = self.daemon()
        umld.wait_state("booting")
        pid = wait_until(umld.guest_pid, 10)
        os.kill(pid, signal.SIGSTOP)  # until it may go on
        self.reexec()
        self.assertEqual(umld.status()["state"], "booting")
        os.kill(pid, signal.SIGCONT)
        umld.wait_ready()
        self.assertEqual((umld.guest_pid(), umld.status()["reexecs"], umld.status()["restarts"]), (pid, 1, 0))

    def test_during_a_start_in_vain(self):
        self.world.guest(fake="boot", Supervise={"Ready": "guest", "StartTimeout": "3s", "Restart": "no", "AdoptTimeout": "60s"})
        umld = self.daemon()
        umld.wait_state("booting")
        began = time.monotonic()
        for _ in range(3):
            self.reexec()
        self.assertEqual(umld.wait(20), FAILED)
        self.assertLess(time.monotonic() - began, 11 * PATIENCE)
        self.assertIn("not ready within 3s", umld.log)

    def test_during_a_restart(self):
        umld = self.start("boot,ignore:all,ready", supervise={"StopTimeout": f"{int(6 * PATIENCE)}s"})
        pid = umld.guest_pid()
        self.assertEqual(self.world.umlctl("restart", "--no-wait", "web").returncode, DONE)
        umld.wait_state("stopping")
        self.reexec()
        self.assertEqual((umld.status()["state"], umld.guest_pid()), ("stopping", pid))
        wait_until(lambda: umld.status()["state"] == "running" and umld.guest_pid() != pid, 20, "the restart")
        self.assertEqual((umld.status()["restarts"], umld.status()["reexecs"]), (0, 1))

    def test_during_a_stop(self):
        """Each step is taken once, but for the question, and the stop ends in its time."""
        umld = self.start("boot,ignore:all,ready", supervise={"StopTimeout": "4s"})
        umld.signal(signal.SIGTERM)
        umld.wait_state("stopping")
        began = time.monotonic()
        while time.monotonic() < began + 1.5:
            self.reexec()
        self.assertEqual(umld.wait(30), DONE)
        for step in ("ctrl-alt-del", "sysrq s, u", "sysrq o", "SIGTERM"):
            self.assertLessEqual(umld.log.count(f"stop: {step}\n"), 1, umld.log)
        self.assertIn("stopped", self.world.umlctl("status", "web", "--json").json["last_exit"]["verdict"])

    def test_during_a_back_off(self):
        """It is not waited for, and ends when it would have ended; the descriptors of the guest are kept."""
        self.world.guest(fake="boot,ready", Supervise={"AdoptTimeout": "60s", "RestartDelay": f"{int(10 * PATIENCE)}s"})
        before = self.world.snapshot()
        umld = self.daemon().wait_ready()
        pid = umld.guest_pid()
        os.kill(pid, signal.SIGKILL)
        umld.wait_state("backoff")
        was, descriptors = umld.status(), []
        for i in range(1, 4):
            self.reexec()
            now = umld.status()
            self.assertEqual((now["state"], now["daemon"]["pid"], now["reexecs"], now["restarts"], now["since"], now["next_start"]),
                             ("backoff", umld.pid, i, 1, was["since"], was["next_start"]))
            self.assertEqual(now["last_exit"], was["last_exit"])
            count = resting_descriptors(umld.pid)
            if umld.status()["state"] != "backoff":  # a machine that is busy
                break
            descriptors.append(count)
        self.assertEqual(descriptors[0], descriptors[-1])
        self.assertIn("already managed by umld", self.world.run("host", self.world.program("daemon/umld"), "web").stderr)
        wait_until(lambda: umld.status()["state"] == "running", 60, "the next start")
        self.assertNotEqual(umld.guest_pid(), pid)
        self.assertNotIn("cleaning up after a killed umld", umld.log)
        self.assertEqual(umld.stop(), DONE)
        self.assert_same_host(before)

    def test_during_a_long_back_off(self):
        """Hours are not waited for; an order ends it as before."""
        umld = self.start(supervise={"RestartDelay": "1h", "RestartDelayMax": "2h"})
        os.kill(umld.guest_pid(), signal.SIGKILL)
        umld.wait_state("backoff")
        left = umld.status()["next_start"]
        self.reexec()
        self.assertEqual(umld.status()["next_start"], left)
        self.assertEqual(self.world.umlctl("start", "web").returncode, DONE)
        self.assertEqual((umld.status()["state"], umld.status()["restarts"], umld.status()["reexecs"]), ("running", 1, 1))
        os.kill(umld.guest_pid(), signal.SIGKILL)
        wait_until(lambda: umld.status()["restarts"] == 2 and umld.status()["state"] == "backoff", 10)
        self.reexec()
        self.assertEqual(umld.stop(), DONE)

    def test_during_a_trial(self):
        """It goes on, is reverted when it would have been, and can be confirmed."""
        umld = self.on_trial("60")
        was = umld.status()
        self.reexec()
        now = umld.status()
        self.assertEqual((now["unconfirmed"], now["reexecs"], self.forwards()), (was["unconfirmed"], 1, ["9090"]))
        self.assertEqual(self.world.umlctl("confirm", "web").returncode, DONE)
        self.reexec()
        self.assertEqual((umld.status()["unconfirmed"]["state"], self.forwards()), (None, ["9090"]))

    def test_during_a_trial_that_is_not_confirmed(self):
        umld = self.on_trial("3")
        self.reexec()
        wait_until(lambda: umld.status()["unconfirmed"]["state"] != "pending", 20, "the reload to be reverted")
        self.assertEqual((umld.status()["unconfirmed"]["state"], self.forwards()), ("taken-back", ["8080"]))
        self.reexec()
        self.assertEqual((umld.status()["unconfirmed"]["state"], self.forwards()), ("taken-back", ["8080"]))
        self.assertEqual(umld.status()["reexecs"], 2)

    def test_killed_during_a_trial(self):
        umld = self.on_trial("3")
        umld.kill()
        heir = self.daemon().wait_ready()
        wait_until(lambda: heir.status()["unconfirmed"]["state"] == "taken-back", 20, "the reload to be reverted")
        self.assertEqual(self.forwards(), ["8080"])

    def test_guest_that_dies_meanwhile(self):
        """At any moment of the reexec: its verdict is not lost, and it is restarted."""
        umld = self.start(supervise={"RestartDelayMax": "0"})
        for i in range(1, (REEXECS or 4) + 1):
            pid = umld.guest_pid()
            p = subprocess.Popen(self.world.command("host", self.world.program("umlctl/umlctl"), "reexec", "web"),
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            time.sleep(random.uniform(0, 0.3))
            os.kill(pid, signal.SIGKILL)
            said = p.communicate(timeout=100)[0]
            self.assertEqual(p.returncode, DONE, said)
            wait_until(lambda: umld.status()["state"] == "running" and umld.guest_pid() not in (None, 0, pid), 40, f"restart {i}")
            status = umld.status()
            self.assertEqual((status["restarts"], status["last_exit"]["verdict"], status["daemon"]["pid"], status["reexecs"]),
                             (i, "killed", umld.pid, i))
        self.assertEqual(umld.stop(), DONE)

    def test_that_is_not_running(self):
        self.world.guest(fake="boot,ready")
        self.assertIn("not running", self.reexec())


class Often(Replaced):
    """Many times in each state, at random moments of it."""

    count = REEXECS or 12
    timeout = 120 + 4 * count

    def often(self, umld, **unchanged):
        """Replaces umld again and again; the last status, in all of which is what must not change."""
        first = umld.status()["reexecs"]
        for i in range(1, self.count + 1):
            time.sleep(random.uniform(0, 0.05))
            self.reexec()
            now = umld.status()
            self.assertEqual((now["daemon"]["pid"], now["reexecs"]), (umld.pid, first + i))
            self.assertEqual({key: now[key] for key in unchanged}, unchanged)
        return now

    def test_start(self):
        """A boot goes on, and is noticed when it has ended."""
        self.world.guest(fake=f"boot,wait:{int(4000 * PATIENCE)},user:READY=1",
                         Supervise={"Ready": "guest", "AdoptTimeout": "60s", "StartTimeout": "1h"})
        umld = self.daemon()
        umld.wait_state("booting")
        pid = wait_until(umld.guest_pid, 10)
        os.kill(pid, signal.SIGSTOP)  # until it may go on
        self.often(umld, state="booting", pid=pid, restarts=0)
        os.kill(pid, signal.SIGCONT)
        umld.wait_ready()
        self.assertEqual(umld.status()["pid"], pid)

    def test_stop(self):
        """No step is taken twice, and the guest ends when it is no longer asked."""
        umld = self.start("boot,ignore:all,ready", supervise={"StopTimeout": "1h"})
        pid = umld.guest_pid()
        umld.signal(signal.SIGTERM)
        umld.wait_state("stopping")
        self.often(umld, state="stopping", pid=pid)
        self.assertEqual(umld.log.count("stop: "), len(set(line for line in umld.log.splitlines() if "stop: " in line)), umld.log)
        os.kill(pid, signal.SIGKILL)
        self.assertEqual(umld.wait(20), DONE)

    def test_back_off(self):
        umld = self.start(supervise={"RestartDelay": "1h", "RestartDelayMax": "2h"})
        os.kill(umld.guest_pid(), signal.SIGKILL)
        umld.wait_state("backoff")
        was = umld.status()
        self.often(umld, **{key: was[key] for key in ("state", "restarts", "since", "next_start", "last_exit")})
        self.assertEqual(self.world.umlctl("start", "web").returncode, DONE)
        self.assertEqual((umld.status()["state"], umld.status()["restarts"]), ("running", 1))

    def test_trial(self):
        umld = self.on_trial("3600")
        was = umld.status()
        self.often(umld, **{key: was[key] for key in ("state", "pid", "restarts", "since", "unconfirmed")})
        self.assertEqual(self.forwards(), ["9090"])
        self.assertEqual(self.world.umlctl("confirm", "web").returncode, DONE)
        self.assertEqual((umld.status()["unconfirmed"]["state"], self.forwards()), (None, ["9090"]))

    def test_all_at_once(self):
        """While the guest is restarted, dies, comes back, and a reload is reverted: each has the end that it has otherwise."""
        umld = self.start("wait:50,boot,wait:50,ready", supervise={"RestartDelay": "100ms", "RestartDelayMax": "100ms"})
        deaths = 0
        with self.replaced() as said:
            while len(said) < self.count:
                pid = wait_until(lambda: umld.status()["state"] == "running" and umld.guest_pid(), 40, "the guest")
                if random.random() < 0.5:
                    self.assertEqual(self.world.umlctl("restart", "web", timeout=100).returncode, DONE)
                    self.assertNotEqual(umld.guest_pid(), pid)
                else:
                    deaths += 1
                    os.kill(pid, signal.SIGKILL)
                    wait_until(lambda: umld.status()["restarts"] == deaths, 40, f"restart {deaths}")
        self.assertEqual([p.stderr for p in said if p.returncode != DONE], [])
        status = wait_until(lambda: umld.status()["state"] == "running" and umld.status(), 40, "the guest")
        self.assertEqual((status["restarts"], status["reexecs"], status["daemon"]["pid"]), (deaths, len(said), umld.pid))
        self.assertEqual(umld.stop(), DONE)


class Failing(Replaced):
    """What is to take over cannot: the old umld is back, or has never gone."""

    def check_same(self, umld, pid, count=0):
        status = umld.status()
        self.assertEqual((status["pid"], status["daemon"]["pid"], status["reexecs"], status["state"]),
                         (pid, umld.pid, count, "running"))

    def test_crashes_at_once(self):
        umld = self.start()
        pid = umld.guest_pid()
        self.replace("#!/bin/sh\nkill -SEGV $$\n")
        self.assertIn("crashed", self.reexec(FAILED))
        self.check_same(umld, pid)

    def test_refuses(self):
        """One that is older, as the running one is newer to it."""
        umld = self.start()
        pid = umld.guest_pid()
        self.replace("#!/bin/sh\necho 'error: the running umld is newer, and its state cannot be read'\nexit 1\n")
        self.assertIn("the running umld is newer", self.reexec(FAILED))
        self.check_same(umld, pid)

    def test_says_nothing(self):
        """It is not waited for: everything else goes on."""
        umld = self.start()
        self.replace("#!/bin/sh\nexec sleep 60\n")
        p = subprocess.Popen(self.world.command("host", self.world.program("umlctl/umlctl"), "reexec", "web"),
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(p.wait)
        self.addCleanup(p.kill)
        wait_until(lambda: any("sleep 60" in line for line in self.world.processes().values()), 10, "the new program")
        os.kill(umld.guest_pid(), signal.SIGKILL)
        wait_until(lambda: umld.status()["restarts"] == 1 and umld.status()["state"] == "running", 10)
        self.assertEqual(umld.stop(), DONE)
        self.assertEqual(p.wait(60), DONE)  # it has stopped, and the next start uses the new one

    def test_cannot_be_executed(self):
        umld = self.start()
        pid = umld.guest_pid()
        self.replace("#!/nonexistent\n")
        self.reexec(FAILED)
        self.check_same(umld, pid)

    def test_is_gone(self):
        umld = self.start()
        pid = umld.guest_pid()
        program = self.world.program("daemon/umld")
        program.rename(program.with_name("umld.before"))
        self.reexec(FAILED)
        self.check_same(umld, pid)

    def test_is_gone_during_a_back_off(self):
        """The umld that is back leaves as much to the next one as before."""
        umld = self.start(supervise={"RestartDelay": "1h", "RestartDelayMax": "2h"})
        os.kill(umld.guest_pid(), signal.SIGKILL)
        umld.wait_state("backoff")
        before, left = self.replace('#!/bin/sh\nexec rm "$0"\n'), umld.status()["next_start"]
        self.reexec(FAILED)
        before.rename(self.world.program("daemon/umld"))
        self.assertEqual((umld.status()["next_start"], umld.status()["reexecs"]), (left, 0))
        umld.kill()
        heir = self.daemon()
        heir.wait_state("backoff")
        self.assertEqual((heir.status()["next_start"], heir.status()["adopted"]), (left, 1))
        self.assertEqual(heir.stop(), DONE)

    def test_crashes_later(self):
        """One that says it can, and dies while it does: the next start executes the one of before."""
        umld = self.start()
        pid = umld.guest_pid()
        before = self.world.program("daemon/umld").with_name("umld.before")
        # It connects, as umld would, and then dies before it has taken over.
        connects = ("import os, socket, time; s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET);"
                    f" s.connect('{self.world.runtime_dir}/web/adopt'); s.recv(4096); os.kill(os.getpid(), 9)")
        self.replace(f'#!/bin/sh\n[ "$1" != --can-adopt ] || exit 0\nexec {sys.executable} -c "{connects}"\n')
        p = subprocess.Popen(self.world.command("host", "env", f"UMLD_DAEMON={before}", self.world.program("umlctl/umlctl"), "reexec", "web"),
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8")
        self.addCleanup(p.stdout.close)
        self.addCleanup(p.wait)
        self.addCleanup(p.kill)
        umld.wait(20)
        self.assertTrue(process_alive(pid))
        # A copy, which is another program than the one that has left the guest.
        shutil.copy(BUILD / "daemon/umld", self.world.program("daemon/umld"))
        heir = self.daemon().wait_ready()
        self.assertIn("executing the previous one", heir.log)
        self.assertEqual(os.readlink(f"/proc/{heir.pid}/exe"), str(before))
        self.assertEqual(heir.guest_pid(), pid)
        self.assertIn("has adopted the guest" if p.wait(60) else "", p.stdout.read())
        self.assertEqual(heir.stop(), DONE)


class Kernels(Base):
    """Real ones; add_kernels() makes one class of it for each."""

    kernel = None
    timeout = 120 + 6 * REEXECS

    @classmethod
    def setUpClass(cls):
        cls.images = Path(tempfile.mkdtemp(prefix="umld-reexec.", dir="/var/tmp"))
        cls.addClassCleanup(shutil.rmtree, cls.images)
        subprocess.run([MAKE_GUEST, cls.images / "guest.img"], check=True, timeout=60)

    def test_under_load(self):
        """No page fails, an attached console stays so, and it is one guest all the time; half of it with a reload on
        trial, which can still be confirmed."""
        def configure(forwards):
            self.world.guest(kernel=self.kernel, image=self.images / "guest.img",
                             Supervise={"Ready": "guest", "AdoptTimeout": "60s"}, Network={"Forward": forwards})
        configure(f"tcp/{PORT}:80")
        umld = self.daemon().wait_ready(60)
        page = self.world.fetch_when_served(PORT)
        pid = umld.guest_pid()
        console = self.attached_console(umld)
        count = REEXECS or 8
        with contextlib.ExitStack() as clients:
            failures = clients.enter_context(self.world.under_load(PORT, page))
            wrk = clients.enter_context(self.world.under_wrk(PORT)) if REEXECS else [1]
            for i in range(count):
                if i == count // 2:
                    configure(f"tcp/{PORT}:80 tcp/{PORT + 1}:80")
                    self.assertEqual(self.world.umlctl("reload", "web", "--confirm=3600").returncode, DONE)
                self.reexec()
        self.assertEqual(failures, [])
        self.assertEqual(self.world.umlctl("confirm", "web").returncode, DONE)
        self.assertEqual(self.world.fetch(PORT + 1), page)
        self.assertEqual([type(said) for said in wrk], [int], wrk)
        print(f"# {count} re-execs, {wrk[0]} requests of wrk", flush=True)
        status = umld.status()
        self.assertEqual((status["pid"], status["restarts"], status["reexecs"], status["adopted"]), (pid, 0, count, 0))
        self.assertIsNone(console.poll())
        console.stdin.write(b"echo $((6 * 7))-here\n")
        console.stdin.flush()
        wait_until(lambda: "42-here" in (self.world.log_dir / "web/console.log").read_text(errors="replace"), 10, "what was typed")
        self.assertEqual(umld.stop(40), DONE)

    def test_away_under_load(self):
        """Who connects during a restart, or when the guest has died, is served as if umld stayed the same."""
        self.world.guest(kernel=self.kernel, image=self.images / "guest.img",
                         Supervise={"Ready": "guest", "AdoptTimeout": "60s", "RestartDelay": "1s", "RestartDelayMax": "1s"},
                         Network={"Forward": f"tcp/{PORT}:80", "Drain": "10s"})
        umld = self.daemon().wait_ready(60)
        self.world.fetch_when_served(PORT)
        pages = deaths = 0

        def ask():
            self.assertIn("<h1>web</h1>", self.world.fetch(PORT, timeout=30 * PATIENCE))
            return 1
        with self.replaced() as said:
            while len(said) < (REEXECS or 12):
                order = threading.Thread(target=self.world.umlctl, args=("restart", "web"), kwargs={"timeout": 100})
                order.start()
                while order.is_alive():
                    pages += ask()
                deaths += 1
                os.kill(wait_until(lambda: umld.status()["state"] == "running" and umld.guest_pid(), 40, "the guest"), signal.SIGKILL)
                wait_until(lambda: umld.status()["restarts"] == deaths, 40, f"death {deaths}")
                pages += ask()
        print(f"# {len(said)} re-execs during {deaths} restarts and {deaths} deaths, {pages} pages", flush=True)
        self.assertEqual([p.stderr for p in said if p.returncode != DONE], [])
        status = umld.status()
        self.assertEqual((status["restarts"], status["reexecs"], status["daemon"]["pid"]), (deaths, len(said), umld.pid))
        self.assertEqual(umld.stop(40), DONE)


if __name__ == "__main__":
    globals().update(each_kernel(Kernels, "Kernel_"))
    del Kernels
    main()

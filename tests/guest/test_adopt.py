#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""umld dies, and its guest does not: the next umld adopts it."""

import fcntl
import json
import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from umldtest import (DONE, FAILED, HOST, MAKE_GUEST, NOT_RUNNING, TestCase, each_kernel, main, parent, process_alive, wait_until)

PORT = 8080
KILLS = int(os.environ.get("UMLD_TEST_KILLS", "15"))
STORE_PUT, STORE_DROP, STORE_ALL = 1, 2, 7


class Adopted(TestCase):
    """The fake guest does as it is told, and is quick."""

    def configure(self, fake="boot,ready", name="web", timeout="60s", supervise=None, **sections):
        return self.world.guest(name, fake=fake, Supervise={"StopTimeout": "4s", "AdoptTimeout": timeout, **(supervise or {})},
                                **sections)

    def start(self, *arguments, **options):
        self.configure(*arguments, **options)
        return self.daemon().wait_ready()

    def orphan(self, umld):
        """Kills it; the pid of its guest, which runs on."""
        pid = umld.guest_pid()
        umld.kill()
        self.assertTrue(process_alive(pid))
        return pid

    def stop_init(self, pid):
        """The pid of the guest's umld-init, which does nothing until it is continued."""
        init = parent(pid)
        os.kill(init, signal.SIGSTOP)
        return init

    def end(self, pid, within=20):
        wait_until(lambda: not process_alive(pid), within, f"the end of process {pid}")

    def console_log(self, name="web"):
        return (self.world.log_dir / name / "console.log").read_text(errors="replace")


class Going(Adopted):
    def test_as_before(self):
        """The same guest, with its uptime and history; and afterwards the host is as if nothing had been."""
        self.configure()
        before = self.world.snapshot()
        umld = self.daemon().wait_ready()
        os.kill(umld.guest_pid(), signal.SIGKILL)
        wait_until(lambda: umld.status()["restarts"] == 1 and umld.status()["state"] == "running", 20)
        was = umld.status()
        umld.kill()
        heir = self.daemon().wait_ready()
        now = heir.status()
        for key in ("pid", "since", "restarts", "state", "memory", "kernel", "confinement", "last_exit"):
            if key == "memory":
                self.assertEqual(now[key]["backing"], was[key]["backing"])
            else:
                self.assertEqual(now[key], was[key], key)
        self.assertEqual((was["adopted"], now["adopted"]), (0, 1))
        self.assertEqual(now["network"]["tap"], was["network"]["tap"])
        os.kill(now["pid"], signal.SIGKILL)  # it is supervised as any other
        wait_until(lambda: heir.status()["restarts"] == 2 and heir.status()["state"] == "running", 20)
        self.assertEqual(heir.status()["last_exit"]["verdict"], "killed")
        self.assertEqual(heir.stop(), DONE)
        self.assert_same_host(before)

    def test_again_and_again(self):
        umld = self.start()
        pid = umld.guest_pid()
        for i in range(1, 6):
            umld.kill()
            umld = self.daemon().wait_ready()
            self.assertEqual((umld.guest_pid(), umld.status()["adopted"]), (pid, i))
        self.assertEqual(umld.stop(), DONE)

    def test_one_that_is_wedged(self):
        umld = self.start()
        pid = umld.guest_pid()
        umld.signal(signal.SIGSTOP)
        umld.kill()
        self.assertEqual(self.daemon().wait_ready().guest_pid(), pid)

    def test_killed_by_the_oom_killer(self):
        """Of a memory cgroup of its own, in which nothing else can be chosen."""
        group, kills = self.world.memory_group(16384)
        if not group:
            self.skipTest("no memory controller in the control groups of this machine")
        umld = self.start()
        pid = umld.guest_pid()
        (group / "cgroup.procs").write_text(str(umld.pid))
        for _ in range(200):  # what it has already is not counted there, but what it needs for these
            if umld.process.poll() is None:
                self.world.umlctl("status", "web", "--json", timeout=30)
        self.assertEqual(umld.wait(20), -signal.SIGKILL)
        self.assertIn("oom_kill 1\n", kills.read_text())
        self.assertTrue(process_alive(pid))
        self.assertEqual(self.daemon().wait_ready().guest_pid(), pid)

    def test_while_it_boots(self):
        """What is left of StartTimeout is left."""
        self.configure("wait:300,boot,wait:1500,user:READY=1", supervise={"Ready": "guest"})
        umld = self.daemon()
        umld.wait_state("booting")
        pid = wait_until(umld.guest_pid, 10)
        umld.kill()
        heir = self.daemon()
        heir.wait_state("booting")
        heir.wait_ready()
        self.assertEqual(heir.guest_pid(), pid)
        os.kill(pid, signal.SIGKILL)  # and in a boot after the one that was announced
        wait_until(lambda: heir.status()["restarts"] == 1, 20, "a restart")
        heir.wait_state("booting")
        pid = wait_until(heir.guest_pid, 10)
        heir.kill()
        self.assertEqual(self.daemon().wait_ready().guest_pid(), pid)

    def test_while_it_stops(self):
        """A shutdown is a shutdown for the next umld, too; so is what it is for."""
        self.configure("boot,ignore:all,ready")
        umld = self.daemon().wait_ready()
        pid = umld.guest_pid()
        umld.signal(signal.SIGTERM)
        umld.wait_state("stopping")
        time.sleep(0.1)
        umld.kill()
        heir = self.daemon()
        self.assertEqual(heir.wait(20), DONE)
        self.assertFalse(process_alive(pid))
        self.assertIn("stopped", self.world.umlctl("status", "web", "--json").json["last_exit"]["verdict"])

    def test_while_it_waits_for_its_next_start(self):
        """What is left of the delay is left; consoles and clients of a relay wait on, and so does the lock."""
        for ready in ("ready", "wait:200,kill:9"):
            self.configure(f"boot,{ready}", supervise={"RestartDelay": "1h", "RestartDelayMax": "2h"}, Network={"Proxy": f"tcp/{PORT}:80"})
            before = self.world.snapshot()
            umld = self.daemon()
            if ready == "ready":
                console = self.attached_console(umld.wait_ready())
                os.kill(umld.guest_pid(), signal.SIGKILL)
            umld.wait_state("backoff")
            was = umld.status()
            with self.world.socket() as client:
                client.settimeout(1)
                client.connect((HOST, PORT))
                for i in range(1, 4):
                    umld.kill()
                    umld = self.daemon()
                    umld.wait_state("backoff")
                    now = umld.status()
                    self.assertEqual([now[key] for key in ("restarts", "since", "next_start", "last_exit", "adopted")],
                                     [was[key] for key in ("restarts", "since", "next_start", "last_exit")] + [i])
                for _ in range(4):  # at once, when it may not have left anything yet
                    umld.kill()
                    umld = self.daemon()
                    umld.wait_state("backoff")
                now = umld.status()
                self.assertEqual([now[key] for key in ("restarts", "since", "next_start", "last_exit")],
                                 [was[key] for key in ("restarts", "since", "next_start", "last_exit")])
                with self.assertRaises(TimeoutError):
                    client.recv(1)
                if ready == "ready":
                    self.assertIsNone(console.poll())
                    self.assertEqual(self.world.umlctl("start", "web").returncode, DONE)
                    umld.kill()
                    umld = self.daemon().wait_ready()
                    self.assertEqual((umld.status()["restarts"], umld.status()["adopted"]), (1, now["adopted"] + 1))
            if ready == "ready":
                self.assertEqual(umld.stop(), DONE)
            else:
                umld.kill()
            self.assertEqual(self.world.umlctl("stop", "web").returncode, DONE)
            self.assert_same_host(before)

    def test_at_any_moment(self):
        """umld is killed while a guest that has died waits, is prepared or boots: it is never forgotten, nor there twice."""
        umld = self.start("lock,boot,ready", supervise={"RestartDelay": "200ms", "RestartDelayMax": "200ms"})
        for _ in range(KILLS):
            pid = wait_until(lambda u=umld: u.status()["state"] == "running" and u.guest_pid(), 20, "the guest")
            if random.random() < 0.7:
                os.kill(pid, signal.SIGKILL)
            time.sleep(random.uniform(0, 0.4))
            umld.kill()
            umld = self.daemon()
        umld.wait_ready()
        self.assertNotIn("uses this image", umld.log)
        self.assertEqual(umld.stop(), DONE)
        self.assertEqual(self.world.processes(), {})

    def test_with_the_configuration_in_force(self):
        """Not with that of its file, which nobody has applied; and what was reloaded stays so."""
        umld = self.start(Network={"Forward": f"tcp/{PORT}:80"})
        self.configure(Network={"Forward": "tcp/8081:80"}, Guest={"Memory": "48M"})
        self.assertEqual(self.world.umlctl("reload", "web").returncode, DONE)
        (self.world.config_dir / "web.conf").write_text("[Nonsense]\n")
        umld.kill()
        heir = self.daemon().wait_ready()
        status = heir.status()
        self.assertEqual(status["network"]["forwards"], ["tcp/8081:80"])
        self.assertEqual(status["memory"]["size"], 32 << 20)
        os.kill(status["pid"], signal.SIGKILL)  # the rest of the reload is for the next start
        wait_until(lambda: heir.status()["memory"]["size"] == 48 << 20, 20, "the setting for the next start")
        self.assertEqual(heir.stop(), DONE)

    def test_console(self):
        """An attached console does not notice; and what is printed without umld is in the log."""
        umld = self.start("boot,ready,wait:3000,say:said_alone")
        pid = umld.guest_pid()
        os.kill(pid, signal.SIGSTOP)  # it says nothing before its umld is gone
        client = self.attached_console(umld)
        time.sleep(0.2)
        self.orphan(umld)
        os.kill(pid, signal.SIGCONT)
        time.sleep(3)
        self.assertNotIn("said alone", self.console_log())
        heir = self.daemon().wait_ready()
        wait_until(lambda: "said alone" in self.console_log(), 10, "what was printed")
        self.assertIsNone(client.poll())
        self.assertEqual(heir.stop(), DONE)
        self.assertIn(b"said alone", client.communicate(timeout=20)[0])


class Ended(Adopted):
    def test_meanwhile(self):
        """A guest that ends without umld has its verdict and its restart."""
        umld = self.start()
        pid = self.orphan(umld)
        os.kill(pid, signal.SIGKILL)
        self.end(pid)
        heir = self.daemon().wait_ready()
        status = wait_until(lambda: heir.status()["restarts"] and heir.status(), 10, "the restart")  # it may seem alive at first
        self.assertEqual((status["last_exit"]["verdict"], status["restarts"]), ("killed", 1), heir.log)
        self.assertEqual(heir.stop(), DONE)

    def test_nobody_comes(self):
        """The guest is shut down cleanly, and nothing of it is left but what the next umld cleans up."""
        self.configure("boot,ready", timeout="300ms")
        before = self.world.snapshot()
        umld = self.daemon().wait_ready()
        pid = self.orphan(umld)
        self.end(pid, 10)
        wait_until(lambda: not self.world.processes(), 10, "an end of all processes")
        heir = self.daemon().wait_ready()
        self.assertNotEqual(heir.guest_pid(), pid)
        self.assertEqual(heir.status()["adopted"], 0)
        self.assertEqual(heir.stop(), DONE)
        self.assert_same_host(before)

    def test_nobody_comes_before_the_next_start(self):
        umld = self.start(timeout="300ms", supervise={"RestartDelay": "1h", "RestartDelayMax": "2h"})
        os.kill(umld.guest_pid(), signal.SIGKILL)
        umld.wait_state("backoff")
        time.sleep(0.2)
        umld.kill()
        wait_until(lambda: not self.world.processes(), 10, "an end of all processes")
        heir = self.daemon().wait_ready()
        self.assertEqual((heir.status()["adopted"], heir.status()["restarts"]), (0, 0))

    def test_told_to_end(self):
        """As all processes of a host are when it is shut down: cleanly, and the second time at once."""
        for fake, timeout in (("boot,ready", 1), ("boot,ignore:all,ready", 2)):
            umld = self.start(fake, supervise={"StopTimeout": "60s"})
            pid = self.orphan(umld)
            init = parent(pid)
            for _ in range(timeout):
                self.assertTrue(process_alive(pid))
                os.kill(init, signal.SIGTERM)
                time.sleep(0.5)
            self.end(pid, 10)
            wait_until(lambda: not self.world.processes(), 10, "an end of all processes")

    def test_told_to_end_while_umld_lives(self):
        """It is umld that shuts the guest down."""
        umld = self.start()
        pid = umld.guest_pid()
        for _ in range(3):
            os.kill(parent(pid), signal.SIGTERM)
            self.assertEqual(umld.status()["state"], "running")
        time.sleep(0.2)
        self.assertTrue(process_alive(pid))
        self.assertEqual(umld.stop(), DONE)
        self.assertIn("shut down cleanly", str(self.world.umlctl("status", "web", "--json").json["last_exit"]))

    def test_nobody_comes_and_it_does_not_listen(self):
        umld = self.start("boot,ignore:all,ready", timeout="300ms", supervise={"StopTimeout": "1s"})
        self.end(self.orphan(umld), 10)

    def test_without_patience(self):
        umld = self.start(timeout="0")
        pid = umld.guest_pid()
        umld.kill()
        self.end(pid, 10)

    def test_patience_from_a_reload(self):
        umld = self.start(timeout="0")
        self.configure(timeout="60s")
        self.assertEqual(self.world.umlctl("reload", "web").returncode, DONE)
        pid = self.orphan(umld)
        self.assertEqual(self.daemon().wait_ready().guest_pid(), pid)


    def test_no_place_to_wait(self):
        """Then it ends with umld, which says so."""
        umld = self.start(timeout="0")
        pid = umld.guest_pid()
        (self.world.runtime_dir / "web/adopt/in-the-way").mkdir(parents=True)
        self.configure(timeout="60s")
        self.assertEqual(self.world.umlctl("reload", "web").returncode, DONE)
        wait_until(lambda: "will not survive the death of its umld" in umld.log, what="a warning")
        umld.kill()
        self.end(pid)


class Kept(Adopted):
    """Started by umlctl, where there is no service manager: umld has a keeper."""

    def start(self, *arguments, **options):
        self.configure(*arguments, **options)
        r = self.world.umlctl("start", "web")
        self.assertEqual(r.returncode, DONE, r)
        self.addCleanup(self.world.umlctl, "kill", "web")
        return self.status()

    def status(self):
        return self.world.umlctl("status", "web", "--json").json

    def keeper(self):
        return [pid for pid, line in self.world.processes().items() if "umld-keeper" in line]

    def log(self):
        return (self.world.log_dir / "web/umld.log").read_text(errors="replace")

    def kill_umld(self, was):
        """Returns what its successor says."""
        os.kill(was["daemon"]["pid"], signal.SIGKILL)

        def follows():
            now = self.status()
            return now["state"] == "running" and now["daemon"]["pid"] != was["daemon"]["pid"] and now
        return wait_until(follows, 20, "the next umld")

    def test_killed(self):
        """The guest is the same; the limits are those of umld@.service."""
        self.configure()
        before = self.world.snapshot()
        first = now = self.start()
        for i in range(1, 10):
            now = self.kill_umld(now)
            self.assertEqual((now["pid"], now["adopted"], now["restarts"]), (first["pid"], i, 0))
            if i == 1:  # the umlctl that waited for the start has ended
                self.assertNotIn(b"NOTIFY_SOCKET=", Path(f"/proc/{now['daemon']['pid']}/environ").read_bytes())
        self.assertEqual(len(self.keeper()), 1)
        self.assertEqual(self.log().count("umld was killed by signal 9 (Killed); starting it again"), 9)
        os.kill(now["daemon"]["pid"], signal.SIGKILL)
        wait_until(lambda: not self.keeper(), 20, "that the keeper gives up")
        self.assertIn("umld was killed by signal 9 (Killed), the last of 10 deaths within five minutes", self.log())
        self.assertEqual(self.status()["state"], "orphan")
        self.assertEqual(self.world.umlctl("stop", "web").returncode, DONE)
        self.assert_same_host(before)

    def test_wedged(self):
        """An umld whose loop does not go on kills itself, as systemd's watchdog would."""
        self.configure()
        with open(self.world.log_dir / "keeper.log", "wb") as log:
            keeper = subprocess.Popen(self.world.command("host", "env", "WATCHDOG_USEC=2000000", self.world.program("daemon/umld-keeper"),
                                                         self.world.program("daemon/umld"), "web"), stderr=log)
        self.addCleanup(keeper.wait)
        self.addCleanup(keeper.kill)  # if what is next has failed
        self.addCleanup(self.world.umlctl, "kill", "web")
        was = wait_until(lambda: self.status()["state"] == "running" and self.status(), 20, "the guest")
        time.sleep(4)
        self.assertEqual(self.status()["daemon"], was["daemon"])
        os.kill(was["daemon"]["pid"], signal.SIGSTOP)
        time.sleep(4)  # a signal that kills comes when it goes on
        os.kill(was["daemon"]["pid"], signal.SIGCONT)
        wait_until(lambda: (self.status()["daemon"] or was["daemon"])["pid"] != was["daemon"]["pid"], 20, "the next umld")
        wait_until(lambda: self.status()["state"] == "running", 20)
        self.assertEqual((self.status()["pid"], self.status()["adopted"]), (was["pid"], 1))
        self.assertIn("umld was killed by signal 14 (Alarm clock); starting it again",
                      (self.world.log_dir / "keeper.log").read_text(errors="replace"))

    def test_ends_with_its_umld(self):
        self.start()
        keeper, = self.keeper()
        with open(f"/proc/{keeper}/smaps_rollup", encoding="ascii") as memory:
            pss = next(int(line.split()[1]) for line in memory if line.startswith("Pss:"))
        print(f"# PSS of a keeper: {pss} KiB", flush=True)
        if not os.environ.get("UMLD_TEST_SANITIZED"):
            self.assertLess(pss, 1000)
        self.assertEqual(self.world.umlctl("stop", "web").returncode, DONE)
        wait_until(lambda: not self.world.processes(), 10, "an end of all processes")
        self.assertNotIn("starting it again", self.log())

    def test_is_not_needed(self):
        """When it is killed itself, umld and guest go on; another umld after that is started by hand, as ever."""
        was = self.start()
        os.kill(self.keeper()[0], signal.SIGKILL)
        wait_until(lambda: not self.keeper(), 10)
        self.assertEqual((self.status()["pid"], self.status()["daemon"]), (was["pid"], was["daemon"]))
        os.kill(was["daemon"]["pid"], signal.SIGKILL)
        wait_until(lambda: self.status()["state"] == "orphan", 10)
        self.assertEqual(self.world.umlctl("start", "web").returncode, DONE)
        self.assertEqual((self.status()["pid"], len(self.keeper())), (was["pid"], 1))

    def test_passes_on_a_stop(self):
        """As when all processes of a host are told to end."""
        self.start()
        os.kill(self.keeper()[0], signal.SIGTERM)
        wait_until(lambda: not self.world.processes(), 20, "an end of all processes")
        self.assertIn("shut down cleanly", str(self.status()["last_exit"]))

    def test_reexec(self):
        """It is the same process; and what comes after it is kept as well."""
        was = self.start()
        self.assertEqual(self.world.umlctl("reexec", "web").returncode, DONE)
        now = self.status()
        self.assertEqual((now["daemon"]["pid"], now["reexecs"]), (was["daemon"]["pid"], 1))
        now = self.kill_umld(now)
        self.assertEqual((now["pid"], now["adopted"], now["reexecs"]), (was["pid"], 1, 1))

    def test_not_after_a_fault(self):
        """An umld that has found that no retry can help is not started again."""
        self.configure(Guest={"Disk": "/none"})
        r = self.world.umlctl("start", "web")
        self.assertEqual(r.returncode, FAILED, r)
        wait_until(lambda: not self.world.processes(), 10, "an end of all processes")
        self.assertNotIn("starting it again", self.log())


class Refused(Adopted):
    def test_a_second_umld(self):
        """While its umld lives, a guest has no other."""
        umld = self.start()
        second = self.daemon()
        self.assertEqual(second.wait(), FAILED)
        self.assertIn(f"already managed by umld pid {umld.pid}", second.log)
        self.assertEqual(umld.status()["state"], "running")

    def test_image_of_an_orphan(self):
        """Never two kernels on one image."""
        umld = self.start()
        self.configure(name="other", Guest={"Disk": self.world.image()})
        pid = self.orphan(umld)
        other = self.daemon("other")
        self.assertEqual(other.wait(), FAILED)
        self.assertIn("another guest's umld uses this image", other.log)
        self.assertEqual(self.daemon().wait_ready().guest_pid(), pid)

    def test_says_that_it_is_one(self):
        """It has a word of its own wherever states are, and nothing of it is removed."""
        umld = self.start()
        self.orphan(umld)
        status = self.world.umlctl("status", "web", "--json").json
        self.assertEqual((status["state"], status["wanted"], status["since"]), ("orphan", "up", None))
        self.assertIn("the guest runs without it", status["status"])
        shown = self.world.umlctl("status", "web")
        self.assertEqual((shown.returncode, "web - orphan" in shown.stdout), (NOT_RUNNING, True), shown)
        active = self.world.umlctl("is-active", "web")
        self.assertEqual((active.returncode, active.stdout), (NOT_RUNNING, "failed\n"))
        self.assertEqual(self.world.umlctl("list", "--json").json[0]["state"], "orphan")
        metrics = self.world.umlctl("metrics").stdout
        self.assertIn('umld_guest_state{guest="web",umld_guest_state="orphan"} 1', metrics)
        self.assertIn('umld_guest_state{guest="web",umld_guest_state="stopped"} 0', metrics)
        r = self.world.umlctl("remove", "web", "--force")
        self.assertEqual(r.returncode, FAILED, r)
        self.assertIn("web runs without its umld, which was killed", r.stderr)
        self.daemon().wait_ready()
        self.assertIn('umld_guest_state="orphan"} 0', self.world.umlctl("metrics").stdout)

    def test_umld_that_is_hidden(self):
        """Where users see only their own processes, a guest is not taken for an orphan by others."""
        umld = self.start()
        self.world.host("mount", "-t", "proc", "-o", "hidepid=2", "proc", "/proc")
        (self.world.runtime_dir / "web/lock").chmod(0o644)
        nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--", self.world.program("umlctl/umlctl"), "list", "--json"]
        def state():
            return json.loads(self.world.run("host", *nobody).stdout)[0]["state"]
        (self.world.runtime_dir / "web/bus").unlink()  # to which others may not connect, either
        self.assertEqual(state(), "stopped")
        umld.kill()
        self.assertEqual(state(), "orphan")

    def test_orders_without_umld(self):
        """It is shut down, or killed, and the host is as before."""
        for order, fake, verdict in (("stop", "boot,ready", "shut down cleanly by ctrl-alt-del"),
                                     ("kill", "boot,ignore:all,ready", "killed on request")):
            with self.subTest(order=order):
                self.configure(fake)
                before = self.world.snapshot()
                pid = self.orphan(self.daemon().wait_ready())
                if order == "stop":  # the number of its umld is another process's by now
                    (self.world.runtime_dir / "web/lock").write_text(f"{os.getpid()}\n")
                    self.assertEqual(self.world.umlctl("status", "web", "--json").json["state"], "orphan")
                r = self.world.umlctl(order, "web")
                self.assertEqual((r.returncode, r.stdout), (DONE, "web is stopped\n"), r)
                self.assertFalse(process_alive(pid))
                status = self.world.umlctl("status", "web", "--json").json
                self.assertEqual((status["state"], status["wanted"]), ("stopped", "down"))
                self.assertIn(verdict, str(status["last_exit"]))
                self.assertIn("is not running", self.world.umlctl(order, "web").stderr)
                self.assert_same_host(before)

    def test_umld_that_only_stops(self):
        """It leaves a guest alone that has its umld, and starts none."""
        umld = self.start()
        pid = umld.guest_pid()
        for _ in range(2):
            stop = self.world.run("host", self.world.program("daemon/umld"), "--stop", "web")
            self.assertEqual(stop.returncode, DONE, stop)
            self.assertEqual(umld.status()["pid"], pid)
        self.assertEqual(umld.stop(), DONE)
        self.assertEqual(self.world.run("host", self.world.program("daemon/umld"), "--stop", "web").returncode, DONE)
        self.assertEqual(self.world.processes(), {})

    def test_umld_init_that_is_slow(self):
        """On a machine that is busy it may take seconds before it answers."""
        umld = self.start()
        pid = umld.guest_pid()
        init = self.stop_init(pid)
        umld.kill()
        heir = self.daemon()
        time.sleep(3)
        os.kill(init, signal.SIGCONT)
        self.assertEqual(heir.wait_ready().guest_pid(), pid)

    def test_stop_while_another_umld_takes_over(self):
        """It is stopped by that one, if it was first."""
        umld = self.start()
        pid = umld.guest_pid()
        init = self.stop_init(pid)
        umld.kill()
        heir = self.daemon()
        time.sleep(1)
        stop = subprocess.Popen(self.world.command("host", self.world.program("umlctl/umlctl"), "stop", "web"),
                                stdout=subprocess.PIPE, encoding="utf-8")
        time.sleep(1)
        os.kill(init, signal.SIGCONT)
        self.assertEqual((stop.communicate(timeout=30)[0], stop.returncode), ("web is stopped\n", DONE))
        self.end(pid)
        heir.wait(20)
        self.assertEqual(self.world.processes(), {})

    def test_umld_init_that_ends(self):
        """It sends the next umld away while it is about to exit; nothing is left of the guest then."""
        self.configure()
        directory = self.world.runtime_dir / "web"
        directory.mkdir()
        gone = subprocess.Popen(["true"])
        gone.wait()
        with open(directory / "lock", "w", encoding="ascii") as lock, \
                socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as init:
            fcntl.flock(lock, fcntl.LOCK_EX)
            print(gone.pid, file=lock, flush=True)
            init.bind(str(directory / "adopt"))
            init.listen(4)
            init.settimeout(20)
            heir = self.daemon()
            for _ in range(3):
                init.accept()[0].close()
        self.assertEqual(heir.wait_ready().stop(), DONE)

    def test_umld_that_only_stops_and_cannot_adopt(self):
        """It ends the guest, and does not start it again."""
        pid = self.orphan(self.start())
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as init:
            init.connect(str(self.world.runtime_dir / "web/adopt"))
            while struct.unpack_from("I", init.recv(64))[0] != STORE_ALL:
                pass
            init.send(struct.pack("III32s", STORE_DROP, 0, 0, b"notify"))
        stop = self.world.run("host", self.world.program("daemon/umld"), "--stop", "web")
        self.assertEqual(stop.returncode, DONE, stop)
        self.assertIn("cannot take over the guest", stop.stderr)
        self.end(pid)
        self.assertEqual(self.world.processes(), {})

    def test_cannot_be_adopted_and_was_to_be_stopped(self):
        """It is not started again."""
        umld = self.start("boot,ignore:all,ready", supervise={"StopTimeout": "60s"})
        pid = umld.guest_pid()
        umld.signal(signal.SIGTERM)
        umld.wait_state("stopping")
        time.sleep(0.1)
        umld.kill()
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as init:
            init.connect(str(self.world.runtime_dir / "web/adopt"))
            kind = 0
            while kind != STORE_ALL:
                message, fds, _, _ = socket.recv_fds(init, 64, 1)
                kind, _, _, name = struct.unpack("III32s", message)
                if name.rstrip(b"\0") == b"state":
                    text = os.pread(fds[0], 1 << 20, 0)
                for fd in fds:
                    os.close(fd)
            self.assertIn(b"\nwanted=down\n", text)
            other = os.memfd_create("state")
            os.write(other, text.replace(b"\nnetwork=", b"\nno-network="))
            socket.send_fds(init, [struct.pack("III32s", STORE_PUT, 0, 0, b"state")], [other])
            os.close(other)
        heir = self.daemon()
        self.assertEqual(heir.wait(30), DONE)
        self.assertIn("cannot take over the guest", heir.log)
        self.assertNotIn("booting", heir.log)
        self.end(pid)
        self.assertEqual(self.world.processes(), {})

    def test_fault_and_was_to_be_stopped(self):
        """The host has changed so that the guest cannot go on: it is ended, and not started again."""
        umld = self.start("boot,ignore:all,ready", supervise={"StopTimeout": "60s"}, Network={"Proxy": "tcp/8080:80"})
        pid = umld.guest_pid()
        umld.signal(signal.SIGTERM)
        umld.wait_state("stopping")
        time.sleep(0.1)
        umld.kill()
        heir = self.daemon(env={"SSH_CONNECTION": "198.51.100.7 50000 203.0.113.10 8080"})
        heir.wait(30)
        self.assertIn("cannot be relayed, because you reach the host through it", heir.log)
        self.assertNotIn("start requested", heir.log)
        self.assertNotIn("backoff", heir.log)
        self.end(pid)
        self.assertEqual(self.world.processes(), {})

    def test_full_file_system(self):
        """Nothing can be locked there, and nothing is left that would look like a lock."""
        self.configure()
        self.world.host("mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", self.world.runtime_dir, check=True)
        fill = f"d={self.world.runtime_dir}; echo > $d/other"
        self.world.host("sh", "-c", fill, check=True)
        umld = self.daemon()
        self.assertEqual(umld.wait(), FAILED)
        self.assertIn("lock: cannot be locked: No space left on device; free some space there", umld.log)
        self.assertEqual(self.world.host("ls", self.world.runtime_dir), "other\n")
        self.world.host("rm", f"{self.world.runtime_dir}/other", check=True)
        self.world.host("mount", "-o", "remount,size=1m", self.world.runtime_dir, check=True)
        self.daemon().wait_ready()

    def test_what_is_not_ours(self):
        """A process that listens there, but is not the guest's umld-init."""
        umld = self.start()
        pid = self.orphan(umld)
        os.rename(self.world.runtime_dir / "web/adopt", self.world.runtime_dir / "web/hidden")
        impostor = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.addCleanup(impostor.close)
        impostor.bind(str(self.world.runtime_dir / "web/adopt"))
        impostor.listen(1)
        heir = self.daemon()
        heir.wait(30)
        self.assertNotIn("adopted, guest", heir.log)
        self.assertTrue(process_alive(pid))  # and still locked: nothing else may run
        os.rename(self.world.runtime_dir / "web/hidden", self.world.runtime_dir / "web/adopt")
        self.assertEqual(self.daemon().wait_ready().guest_pid(), pid)


class Kernels(TestCase):
    """Real ones; add_kernels() makes one class of it for each."""

    kernel = None
    timeout = 120 + 4 * KILLS

    @classmethod
    def setUpClass(cls):
        cls.images = Path(tempfile.mkdtemp(prefix="umld-adopt.", dir="/var/tmp"))
        cls.addClassCleanup(shutil.rmtree, cls.images)
        subprocess.run([MAKE_GUEST, cls.images / "guest.img"], check=True, timeout=60)

    def test_killed_under_load(self):
        """At random points, with clients and memory in use: no page fails, and it is one guest all the time."""
        self.world.guest(kernel=self.kernel, image=self.images / "guest.img",
                         Supervise={"Ready": "guest", "AdoptTimeout": "60s"}, Network={"Forward": f"tcp/{PORT}:80"})
        before = self.world.snapshot()
        umld = self.daemon().wait_ready(60)
        page = self.world.fetch_when_served(PORT)
        pid = umld.guest_pid()
        console = self.attached_console(umld)
        with self.world.under_load(PORT, page) as failures:
            for _ in range(KILLS):
                time.sleep(random.uniform(0, 0.3))
                umld.kill()
                umld = self.daemon()
                if random.random() < 0.6:
                    umld.wait_ready(20)
            umld.wait_ready(20)
        self.assertEqual(failures, [])
        status = umld.status()
        self.assertEqual((status["pid"], status["restarts"]), (pid, 0))
        self.assertIsNone(console.poll())
        console.stdin.write(b"echo $((6 * 7))-here\n")
        console.stdin.flush()
        wait_until(lambda: "42-here" in (self.world.log_dir / "web/console.log").read_text(errors="replace"), 20, "what was typed")
        self.assertEqual(umld.stop(40), DONE)
        self.assert_same_host(before)


if __name__ == "__main__":
    globals().update(each_kernel(Kernels, "Kernel_", whole=True))
    del Kernels
    main()

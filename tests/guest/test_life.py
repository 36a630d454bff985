#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The life of a guest as umld leads it, with a fake guest that lives and dies as each test says."""

import os
import re
import shutil
import signal
import socket
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from umldtest import (DONE, FAILED, NOT_RUNNING, PATIENCE, TestCase, main, process_alive, resting_descriptors, wait_until)

QUICK = {"StartTimeout": "20s", "StopTimeout": "4s", "RestartDelayMax": "5s"}


class LifeTest(TestCase):
    def start(self, fake="boot,ready", name="web", network=None, console=None, **supervise):
        """An umld that manages such a guest."""
        sections = {"Supervise": {**QUICK, **supervise}, "Network": network or {}, "Console": console or {}}
        self.world.guest(name, fake=fake, **sections)
        return self.daemon(name)

    def scratch(self, name):
        """A file that a guest's user may write."""
        directory = self.world.dir / "scratch"
        directory.mkdir(exist_ok=True)
        directory.chmod(0o777)
        return directory / name

    def last_exit(self, daemon):
        end = daemon.status()["last_exit"]
        return end["verdict"], end["detail"]


class StartStop(LifeTest):
    def test_up_and_down(self):
        self.world.guest(fake="boot,ready")
        before = self.world.snapshot()
        umld = self.daemon().wait_ready()
        status = umld.status()
        self.assertEqual(status["state"], "running")
        # What the comparison at the end rests on: it sees all of it while it is there.
        difference = before.difference(self.world.snapshot())
        for word in ("+3: tap0:", "+10.0.0.2 dev tap0", "UMLD-FWD-web", "+/proc/sys/net/ipv4/ip_forward:1", "run/web/lock",
                     "umld-init") + (("/umld-web.",) if status["confinement"]["cgroup"] == "on" else ()):
            self.assertIn(word, difference)
        self.assertEqual(umld.stop(), DONE)
        self.assertEqual(umld.statuses(), ["preparing", "booting", "running", "stopping", "stopped"])
        self.assert_same_host(before)

    def test_messages(self):
        """READY once it is true, STATUS at each change, STOPPING before the end, time where it is needed."""
        umld = self.start("wait:300,boot").wait_ready()
        umld.stop()
        kinds = [next(iter(m.fields)) for m in umld.messages]
        ready = kinds.index("READY")
        self.assertEqual(umld.statuses()[:3], ["preparing", "booting", "running"])
        self.assertGreater(umld.messages[ready].time - umld.started, 0.3)
        self.assertEqual(len(umld.said("READY")), 1)
        self.assertIn("EXTEND_TIMEOUT_USEC", kinds[:ready])
        self.assertGreater(kinds.index("STOPPING"), ready)
        running = [m.fields["STATUS"] for m in umld.messages if m.fields.get("STATUS", "").startswith("running")]
        self.assertRegex(running[0], r"^running: booted after \d+ms")

    def test_ready_when_the_guest_says_so(self):
        umld = self.start("boot,wait:400,user:READY=10,user:ready=1,wait:400,user:READY=1", Ready="guest")
        umld.wait_ready()
        self.assertGreater(time.monotonic() - umld.started, 0.8)

    def test_early_word_of_the_guest(self):
        """READY=1 may come before the management console is known."""
        self.start("user:READY=1,wait:100,boot", Ready="guest").wait_ready()

    def test_without_service_manager(self):
        self.world.guest(fake="boot")
        umld = self.daemon(notify=False)
        wait_until(lambda: "-> running" in umld.log, what="running in the log")
        self.assertEqual(umld.stop(), DONE)

    def test_watchdog(self):
        self.world.guest(fake="boot")
        umld = self.daemon(watchdog=0.4).wait_ready()
        wait_until(lambda: len(umld.said("WATCHDOG", "1")) >= 4, 5, "signs of life")
        umld.stop()

    def test_sigint_stops_too(self):
        umld = self.start().wait_ready()
        umld.signal(signal.SIGINT)
        self.assertEqual(umld.wait(), DONE)

    def test_stop_while_booting(self):
        umld = self.start("wait:60000")
        umld.wait_state("booting")
        began = time.monotonic()
        self.assertEqual(umld.stop(), DONE)
        self.assertLess(time.monotonic() - began, 4 * PATIENCE)

    def test_stop_during_backoff(self):
        umld = self.start("exit:1", RestartDelay="60s", RestartDelayMax="60s")
        umld.wait_state("backoff")
        began = time.monotonic()
        self.assertEqual(umld.stop(), DONE)
        self.assertLess(time.monotonic() - began, 1 * PATIENCE)

    def test_console_log(self):
        umld = self.start("say:before the boot,boot,say:red,ready", Ready="guest").wait_ready()
        log = self.world.log_dir / "web/console.log"
        wait_until(lambda: "red" in log.read_text(), what="the guest's words in its log")
        self.assertIn("before the boot", log.read_text())
        umld.stop()

    def test_console_flood(self):
        """What nobody reads is kept within its bounds, and costs umld no memory."""
        umld = self.start("boot,print:24,ready", Ready="guest", console={"LogMax": "1M", "LogFiles": "3"})
        umld.wait_ready(60)
        files = list((self.world.log_dir / "web").glob("console.log*"))
        self.assertLessEqual(len(files), 3)
        self.assertLess(sum(f.stat().st_size for f in files), 3.2e6)
        self.assertGreater(sum(f.stat().st_size for f in files), 1.9e6)
        rss = re.search(r"VmHWM:\s*(\d+) kB", Path(f"/proc/{umld.pid}/status").read_text())
        if "asan" not in Path(f"/proc/{umld.pid}/maps").read_text():
            self.assertLess(int(rss[1]), 12 << 10)
        umld.stop()


class Ladder(LifeTest):
    """A stop begins gently and gets harsher."""

    def stop(self, script, detail, longer_than=0.0):
        umld = self.start(script, StopTimeout="2s", Ready="guest").wait_ready()
        began = time.monotonic()
        self.assertEqual(umld.stop(), DONE)
        took = time.monotonic() - began
        self.assertLess(took, 2.5 * PATIENCE)
        self.assertGreaterEqual(took, longer_than)
        self.assertIn(detail, umld.said("STATUS")[-1])
        self.assertEqual(self.world.umlctl("status", "web").returncode, NOT_RUNNING)

    def test_cad(self):
        self.stop("boot,ready", "shut down cleanly by ctrl-alt-del")

    def test_no_init_for_cad(self):
        """Where ctrl-alt-del would be a reset it is not pressed."""
        self.stop("boot,cad:1,ready", "shut down cleanly by sysrq")

    def test_cad_ignored(self):
        self.stop("boot,ignore:cad,ready", "shut down cleanly by sysrq", 0.9)

    def test_sysrq_ignored(self):
        self.stop("boot,ignore:cad,ignore:sysrq,ready", "power cut by SIGTERM", 1.4)

    def test_all_ignored(self):
        self.stop("boot,ignore:all,ready", "power cut by SIGKILL", 1.4)

    def test_busy(self):
        self.stop("boot,ignore:term,ready,spin", "power cut by SIGKILL")

    def test_panic_while_stopping(self):
        """The one end during a stop that is worth its own verdict."""
        umld = self.start("boot,ignore:all,ready,wait:300,panic:too late", Ready="guest").wait_ready()
        self.assertEqual(umld.stop(), DONE)
        self.assertIn("panic: too late", umld.said("STATUS")[-1])


class Ends(LifeTest):
    """Each kind of end has its verdict and its consequence."""

    # script -> verdict, what its detail holds
    ENDS = {
        "poweroff": ("boot,wait:50,poweroff", "poweroff", "powered off"),
        "reboot": ("boot,wait:50,reboot", "reboot", "rebooted"),
        "panic": ("boot,wait:50,panic:VFS is on fire", "panic", "VFS is on fire"),
        "killed": ("boot,wait:50,kill:9", "killed", "signal 9"),
        "segv": ("boot,wait:50,kill:11", "killed", "signal 11"),
        "exit": ("boot,wait:50,exit:3", "exit", "status 3"),
        "early": ("exit:1", "exit", "before it had booted"),
        "early-0": ("exit:0", "exit", "before it had booted"),
        "memory": ("boot,say:Bus error - the host /dev/shm or /tmp mount likely just ran out of space,"
                   "panic:Kernel mode signal 7", "memory", "ran out of space"),
        "disk": ("boot,say:Failed to lock 'x' err = 11,panic:VFS: Unable to mount root fs", "disk", "lock"),
        "cpu": ("say:userspace - ptrace set fp regs failed errno = 14,panic:Attempted to kill init!",
                "kernel", "fp regs"),
        "libc": ("boot,say:wait_stub_done : failed to wait for SIGTRAP status = 0xb7f,panic:Attempted to kill init!",
                 "kernel", "SIGTRAP"),
        "small": ("say:Too few physical memory! Needed=1 given=2,exit:1", "usage", "Too few physical memory"),
    }
    FINAL = {"poweroff"}                  # with Restart=on-crash
    FAULTS = {"cpu": FAILED, "libc": FAILED, "small": 2}  # no retry fixes them

    def end(self, kind, restart, goes_on, code=None):
        script, verdict, detail = self.ENDS[kind]
        umld = self.start(f"first:1:{self.scratch('count')},{script}", Restart=restart)
        if goes_on:
            umld.wait_state("running", since=umld.messages.index(umld.wait_state("backoff")))
            self.assertEqual(self.last_exit(umld)[0], verdict)
            self.assertIn(detail, self.last_exit(umld)[1])
            self.assertEqual(umld.status()["restarts"], 1)
            self.assertEqual(umld.stop(), DONE)
            return
        self.assertEqual(umld.wait(), code)
        self.assertTrue(umld.said("STATUS")[-1].startswith(("stopped: " if code == DONE else "failed: ") + verdict),
                        umld.said("STATUS"))
        # The last end is known when nobody runs any more.
        known = self.world.umlctl("status", "web", "--json")
        self.assertEqual(known.returncode, NOT_RUNNING)
        self.assertEqual(known.json["state"], "stopped" if code == DONE else "failed")
        self.assertEqual(known.json["last_exit"]["verdict"], verdict)
        self.assertIn(detail, known.json["last_exit"]["detail"])

    def test_restart_is_counted_and_announced_once(self):
        umld = self.start(f"first:1:{self.scratch('count')},boot,wait:50,panic:oops")
        umld.wait_state("running", since=umld.messages.index(umld.wait_state("backoff")))
        time.sleep(0.1)
        self.assertEqual(len(umld.said("READY")), 1)
        umld.stop()


def add_ends():
    for kind in Ends.ENDS:
        for restart in ("on-crash", "always", "no"):
            if kind in Ends.FAULTS:
                expected = (False, Ends.FAULTS[kind])
            elif kind == "reboot" or restart == "always":
                expected = (True, None)
            elif kind in Ends.FINAL:
                expected = (False, DONE)
            else:
                expected = (True, None) if restart == "on-crash" else (False, FAILED)
            setattr(Ends, f"test_{kind}_restart_{restart}".replace("-", "_"),
                    lambda self, k=kind, r=restart, e=expected: self.end(k, r, *e))


add_ends()


class Restarts(LifeTest):
    def check_backing_off(self, end):
        stamps = self.scratch("stamps")
        umld = self.start(f"stamp:{stamps},boot,{end}", RestartDelayMax="3s")
        wait_until(lambda: stamps.exists() and len(stamps.read_text().split()) >= 4, 15, "four starts")
        starts = [int(s) / 1e9 for s in stamps.read_text().split()]
        first, second, third = (b - a for a, b in zip(starts, starts[1:4]))
        self.assertLess(first, 0.5 * PATIENCE)
        self.assertAlmostEqual(second, 1, delta=0.5 * PATIENCE)
        self.assertAlmostEqual(third, 2, delta=0.5 * PATIENCE)
        self.assertIn("next start in", " ".join(umld.said("STATUS")))
        umld.stop()

    def test_at_once_then_backing_off(self):
        self.check_backing_off("kill:9")

    def test_reboot_loop(self):
        """It backs off as one of crashes does."""
        self.check_backing_off("reboot")

    def test_delay(self):
        stamps = self.scratch("stamps")
        umld = self.start(f"stamp:{stamps},boot,kill:9", RestartDelay="700ms", RestartDelayMax="700ms")
        wait_until(lambda: stamps.exists() and len(stamps.read_text().split()) >= 3, 15, "three starts")
        starts = [int(s) / 1e9 for s in stamps.read_text().split()]
        for a, b in zip(starts, starts[1:]):
            self.assertAlmostEqual(b - a, 0.7, delta=0.4 * PATIENCE)
        umld.stop()

    def test_long_run_forgets(self):
        """A run of RestartReset makes the next death the first one again."""
        count, stamps = self.scratch("count"), self.scratch("stamps")
        umld = self.start(f"stamp:{stamps},first:3:{count},boot,wait:500,kill:9", RestartReset="400ms")
        wait_until(lambda: stamps.exists() and len(stamps.read_text().split()) >= 4, 15, "four starts")
        starts = [int(s) / 1e9 for s in stamps.read_text().split()]
        self.assertLess(starts[3] - starts[0], 3 * 0.5 + 1.0 * PATIENCE)
        umld.stop()

    def test_hung_boot(self):
        count = self.scratch("count")
        umld = self.start(f"first:1:{count},wait:60000", StartTimeout="1s")
        umld.wait_state("backoff")
        self.assertGreater(time.monotonic() - umld.started, 1)
        verdict, detail = self.last_exit(umld)
        self.assertEqual((verdict, detail), ("hung", "not ready within 1s"))
        umld.stop()

    def test_hung_boot_without_restart(self):
        umld = self.start("boot,spin", Ready="guest", StartTimeout="1s", Restart="no")
        self.assertEqual(umld.wait(), FAILED)
        self.assertIn("failed: hung", umld.said("STATUS")[-1])

    def test_helpers_end_with_their_kernel(self):
        """Kernels up to 6.12 leave processes behind that hold the image's lock, the tap and the memory file."""
        script = f"first:1:{self.scratch('count')},lock,tap,memory:4,helpers:3,boot,ready"
        umld = self.start(script, Ready="guest").wait_ready()
        pid = umld.guest_pid()
        first = [p for p, line in self.world.processes().items() if "fake-guest" in line and "umld-init" not in line]
        self.assertEqual(len(first), 4)
        since = len(umld.messages)
        os.kill(pid, signal.SIGKILL)
        umld.wait_state("running", since=since)
        self.assertEqual(self.last_exit(umld)[0], "killed")
        self.assertEqual([p for p in first if process_alive(p)], [])
        umld.stop()
        self.assertEqual(self.world.processes(), {})

    def test_unready_restart_keeps_the_host_prepared(self):
        """Between two starts of a guest nothing on the host comes and goes."""
        umld = self.start("boot,wait:100,kill:9", RestartDelay="2s", network={"Forward": "tcp/8080:80"})
        umld.wait_state("backoff")
        self.assertIn("tap0", self.world.host("ip", "-o", "link"))
        self.assertIn("8080", "".join(self.world.tables("nat")))
        umld.stop()


class Orders(LifeTest):
    """umlctl and signals while the guest runs."""

    def test_restart(self):
        umld = self.start().wait_ready()
        pid = umld.guest_pid()
        p = self.world.umlctl("restart", "web")
        self.assertEqual((p.returncode, p.stderr), (DONE, ""))
        status = umld.status()
        self.assertEqual((status["state"], status["restarts"]), ("running", 0))
        self.assertNotEqual(status["pid"], pid)
        umld.stop()

    def test_stop(self):
        umld = self.start().wait_ready()
        self.assertEqual(self.world.umlctl("stop", "web").returncode, DONE)
        self.assertEqual(umld.wait(), DONE)
        self.assertEqual(self.world.umlctl("status", "web").returncode, NOT_RUNNING)

    def test_kill(self):
        umld = self.start("boot,ignore:all").wait_ready()
        began = time.monotonic()
        self.assertEqual(self.world.umlctl("kill", "web").returncode, DONE)
        self.assertEqual(umld.wait(), DONE)
        self.assertLess(time.monotonic() - began, 1.5 * PATIENCE)
        self.assertIn("killed on request", umld.said("STATUS")[-1])

    def test_start_ends_a_backoff(self):
        umld = self.start(f"first:1:{self.scratch('count')},boot,kill:9", RestartDelay="60s", RestartDelayMax="60s")
        umld.wait_state("backoff")
        self.assertEqual(self.world.umlctl("start", "web").returncode, DONE)
        self.assertEqual(umld.status()["state"], "running")
        umld.stop()

    def test_start_and_stop_without_a_service_manager(self):
        self.world.guest(fake="boot")
        before = self.world.snapshot()
        p = self.world.umlctl("start", "web")
        self.assertEqual((p.returncode, p.stderr), (DONE, ""))
        self.assertEqual(self.world.umlctl("status", "web", "--json").json["state"], "running")
        self.assertEqual(self.world.umlctl("stop", "web").returncode, DONE)
        self.assert_same_host(before)

    def test_start_of_a_guest_that_cannot(self):
        self.world.guest(fake="exit:1", Supervise={"Restart": "no"})
        p = self.world.umlctl("start", "web")
        self.assertEqual(p.returncode, FAILED)
        self.assertIn("before it had booted", p.stderr)

    def test_introspection(self):
        busctl = shutil.which("busctl")
        if not busctl:
            self.skipTest("no busctl")
        umld = self.start().wait_ready()
        bus = f"--address=unix:path={self.world.runtime_dir}/web/bus"
        listing = self.world.host(busctl, bus, "introspect", "io.umld.Guest1", "/io/umld/guest")
        for word in ("io.umld.Guest1", ".Stop", ".State", ".StateChanged", '"running"'):
            self.assertIn(word, listing)
        umld.stop()

    def test_reload(self):
        umld = self.start(network={"Forward": "tcp/8080:80"}).wait_ready()
        pid = umld.guest_pid()
        self.world.guest(fake="boot,ready", Supervise=QUICK, Network={"Forward": "tcp/9090:80"})
        since = len(umld.messages)
        umld.signal(signal.SIGHUP)
        umld.wait_message(lambda f: f.get("READY") == "1", since=since, what="READY=1 after the reload")
        kinds = [next(iter(m.fields)) for m in umld.messages[since:]]
        self.assertLess(kinds.index("RELOADING"), kinds.index("READY"))
        rules = "".join(self.world.tables("nat"))
        self.assertIn("9090", rules)
        self.assertNotIn("8080", rules)
        self.assertEqual(umld.guest_pid(), pid)
        umld.stop()

    def test_nobody_to_notify(self):
        """An umld that umlctl has detached: who listened until the guest was ready is gone."""
        umld = self.start().wait_ready()
        path = self.world.dir / "notify-0"
        path.unlink()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as gone:
            gone.bind(str(path))
        for _ in range(2):
            self.assertEqual(self.world.umlctl("reload", "web").returncode, DONE)
        umld.stop()
        self.assertNotIn("notify", umld.log)
        self.assertEqual(umld.log.count("configuration reloaded"), 2)

    def test_bad_reload(self):
        """Nothing changes but the log."""
        umld = self.start(network={"Forward": "tcp/8080:80"}).wait_ready()
        resting_descriptors(umld.pid)
        before = self.world.snapshot()
        config = self.world.config_dir / "web.conf"
        good = config.read_text()
        config.write_text(good + "[Network]\nTapp=tap9\n")
        p = self.world.umlctl("reload", "web")
        self.assertNotEqual(p.returncode, DONE)
        self.assertIn("Tapp", p.stderr)
        config.write_text(good)
        self.assert_same_host(before)
        umld.stop()


class Crashes(LifeTest):
    """umld itself is killed."""

    def test_guest_goes_with_it_and_the_next_one_heals(self):
        self.world.guest(fake="lock,tap,helpers:2,boot,ready", Network={"Forward": "tcp/8080:80"},
                         Supervise={**QUICK, "Ready": "guest"})
        before = self.world.snapshot()
        umld = self.daemon().wait_ready()
        umld.kill()
        wait_until(lambda: not self.world.processes(), 2, "an end of all processes")
        self.assertIn("tap0", self.world.host("ip", "-o", "link"))  # else this test shows nothing
        self.assertEqual(self.world.umlctl("status", "web").returncode, NOT_RUNNING)
        second = self.daemon().wait_ready()
        self.assertIn("cleaning up after a killed umld", second.log)
        self.assertEqual(second.stop(), DONE)
        self.assert_same_host(before)

    def test_heals_with_another_configuration(self):
        """What was done is undone even where the configuration has changed since."""
        self.world.guest(fake="boot,ready", Network={"Forward": "tcp/8080:80", "Tap": "tap7"})
        before = self.world.snapshot()
        self.daemon().wait_ready().kill()
        self.world.guest(fake="boot,ready", Network={"Forward": "tcp/8080:80"})
        second = self.daemon().wait_ready()
        self.assertNotIn("tap7", self.world.host("ip", "-o", "link"))
        second.stop()
        self.world.guest(fake="boot,ready", Network={"Forward": "tcp/8080:80", "Tap": "tap7"})
        self.assert_same_host(before)

    def test_killed_at_any_moment(self):
        self.world.guest(fake="boot,ready", Network={"Forward": "tcp/8080:80"})
        before = self.world.snapshot()
        for milliseconds in (1, 5, 10, 15, 20, 25, 30, 40, 60):
            umld = self.daemon()
            time.sleep(milliseconds / 1000)
            umld.kill()
        umld = self.daemon().wait_ready()
        self.assertEqual(umld.stop(), DONE)
        self.assert_same_host(before)

    def test_killed_while_stopping(self):
        self.world.guest(fake="boot,ignore:cad", Supervise=QUICK)
        before = self.world.snapshot()
        umld = self.daemon().wait_ready()
        umld.signal(signal.SIGTERM)
        umld.wait_state("stopping")
        umld.kill()
        self.assertEqual(self.daemon().wait_ready().stop(), DONE)
        self.assert_same_host(before)


class Neighbours(LifeTest):
    """Several guests on one host."""

    def test_two_guests(self):
        second = {"Tap": "tap1", "HostAddress": "10.0.1.1/24", "GuestAddress": "10.0.1.2", "Forward": "tcp/9090:80"}
        first = {"Forward": "tcp/8080:80"}
        self.world.guest("mail", fake="boot", own_uid=False, Network=second, Supervise=QUICK)
        self.world.guest("web", fake="boot", own_uid=False, Network=first, Supervise=QUICK)
        before = self.world.snapshot()
        web, mail = self.daemon("web").wait_ready(), self.daemon("mail").wait_ready()
        self.assertNotEqual(web.status()["confinement"]["user"], mail.status()["confinement"]["user"])
        self.assertEqual(web.stop(), DONE)
        self.assertEqual(self.world.host("cat", "/proc/sys/net/ipv4/ip_forward"), "1\n")
        rules = "".join(self.world.tables("nat"))
        self.assertIn("9090", rules)
        self.assertNotIn("8080", rules)
        self.assertEqual(mail.status()["state"], "running")
        self.assertEqual(mail.stop(), DONE)
        self.assert_same_host(before)

    def test_foreign_rules_stay(self):
        self.world.host("iptables-legacy", "-t", "nat", "-A", "PREROUTING", "-p", "tcp", "--dport", "2222",
                        "-j", "DNAT", "--to-destination", "192.0.2.1:22")
        self.world.host("iptables-legacy", "-A", "FORWARD", "-s", "192.0.2.1", "-j", "ACCEPT")
        self.world.host("iptables-legacy", "-P", "FORWARD", "DROP")
        self.world.host("sysctl", "-qw", "net.ipv4.ip_forward=1")
        self.world.guest(fake="boot", Network={"Forward": "tcp/8080:80"})
        before = self.world.snapshot()
        umld = self.daemon().wait_ready()
        self.assertIn("2222", self.world.host("iptables-legacy-save"))
        umld.stop()
        self.assert_same_host(before)


class Memory(LifeTest):
    shm = "16M"

    def test_grown_and_put_back(self):
        self.world.guest(fake="memory:30,boot,ready", Supervise={**QUICK, "Ready": "guest"})
        before = self.world.snapshot()
        umld = self.daemon().wait_ready()
        size = os.statvfs(f"/proc/{umld.pid}/root/dev/shm")
        self.assertGreaterEqual(size.f_blocks * size.f_frsize, 32 << 20)
        self.assertGreaterEqual(umld.status()["memory"]["used"], 30 << 20)
        umld.stop()
        self.assert_same_host(before)

    def test_noexec(self):
        self.world.host("mount", "-o", "remount,noexec", "/dev/shm")
        self.world.guest(fake="boot")
        before = self.world.snapshot()
        umld = self.daemon().wait_ready()
        self.assertNotIn("noexec", self.world.host("findmnt", "-no", "OPTIONS", "/dev/shm"))
        umld.stop()
        self.assert_same_host(before)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""[Notify] Command=: it is told what happens, as an unprivileged user, and whatever it does, neither umld nor its guest
suffers from it and nothing of it is left."""

import os
import shutil
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import documents  # noqa: E402
from umldtest import BUILD, DONE, FAILED, PATIENCE, TRY_CALLS, TestCase, main, test_kernels, wait_until  # noqa: E402

# One line for each run, in one write.
NOTE = """#!/bin/sh
line=$(printenv | grep '^UMLD_' | tr '\\n' '|')
echo "$line" >> {out}
"""


class HookTest(TestCase):
    def setUp(self):
        super().setUp()
        self.place = self.world.dir / "hooks"
        self.place.mkdir()
        self.place.chmod(0o755)
        self.out = self.place / "out"
        self.out.touch()
        self.out.chmod(0o666)

    def script(self, text="", name="hook"):
        """A hook that notes its environment, and then does that."""
        path = self.place / name
        path.write_text(NOTE.format(out=self.out) + text)
        path.chmod(0o755)
        return path

    def configure(self, fake, command, supervise=None, **notify):
        self.world.guest(fake=fake, Supervise={"RestartDelayMax": "0", **(supervise or {})},
                         Notify={"Command": command, **notify} if command else {})

    def start(self, *arguments, **options):
        self.configure(*arguments, **options)
        return self.daemon()

    def told(self, **wanted):
        """What it was told, the oldest first; wanted: only that."""
        lines = [dict(pair.split("=", 1) for pair in line.rstrip("|").split("|"))
                 for line in self.out.read_text().splitlines()]
        return [each for each in lines if all(each.get("UMLD_" + key.upper()) == value for key, value in wanted.items())]

    def reload(self):
        p = self.world.umlctl("reload", "web")
        self.assertEqual(p.returncode, DONE, p.stderr)

    def processes(self, word):
        return [pid for path in Path("/proc").glob("[0-9]*") if (pid := path.name) and word in self.command_line(path)]

    @staticmethod
    def command_line(path):
        try:
            return (path / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            return ""


class Events(HookTest):
    def test_crash(self):
        calls = self.world.install(TRY_CALLS, self.place / "try-calls")
        for each in ("status", "home", "pwd", "calls"):
            (self.place / f"out.{each}").touch()
            (self.place / f"out.{each}").chmod(0o666)
        umld = self.start("boot,wait:1000,panic:VFS is on fire",
                          self.script(f"grep -E '^(Uid|NoNewPrivs|CapEff|CapBnd|Seccomp):' /proc/self/status > {self.out}.status\n"
                                      f"printenv HOME > {self.out}.home; pwd > {self.out}.pwd; {calls} > {self.out}.calls\n"), {"Restart": "no"})
        self.assertEqual(umld.wait(), FAILED)
        crash, = self.told(event="crash")
        self.assertEqual((crash["UMLD_NAME"], crash["UMLD_VERDICT"], crash["UMLD_COUNT"]), ("web", "panic", "1"))
        self.assertIn("VFS is on fire", crash["UMLD_DETAIL"])
        self.assertEqual(crash["UMLD_FROM"], "running")
        self.assertLess(abs(int(crash["UMLD_TIME"]) - time.time()), 60)
        last = self.told()[-1]
        self.assertEqual((last["UMLD_EVENT"], last["UMLD_TO"], last["UMLD_VERDICT"]), ("state", "failed", "panic"))
        status = (self.place / "out.status").read_text()
        self.assertRegex(status, r"Uid:\t65534\t65534\t65534\t65534\n")
        self.assertRegex(status, r"NoNewPrivs:\t1\n")
        self.assertRegex(status, r"Seccomp:\t2\n")
        self.assert_helper_calls((self.place / "out.calls").read_text(), sockets=True)
        self.assertEqual(status.count("\t0000000000000000\n"), 2, status)
        self.assertEqual((self.place / "out.pwd").read_text(), "/\n")
        self.assertNotIn("/root", (self.place / "out.home").read_text())

    def test_of_the_manual(self):
        """Its example, with a logger that writes to a file."""
        logger = self.place / "logger"
        logger.write_text(f'#!/bin/sh\necho "$2|$3" >>{self.out}\n')
        command = self.place / "hook"
        command.write_text(documents.shown("man/umld.conf.5", "logger -t").replace("logger", str(logger), 1))
        for each in logger, command:
            each.chmod(0o755)
        self.assertEqual(self.start("boot,wait:1000,panic:VFS is on fire", command, {"Restart": "no"}).wait(), FAILED)
        self.assertRegex(self.out.read_text(), r"(?m)^umld-notify\|web: crash panic: .*VFS is on fire")

    def test_real_kernel(self):
        """Its disk has no file system: a real panic."""
        self.world.guest(kernel=next(iter(test_kernels())), Supervise={"Restart": "no"}, Notify={"Command": self.script()})
        self.daemon().wait(60)
        crash, = self.told(event="crash")
        self.assertIn(crash["UMLD_VERDICT"], ("panic", "disk"))
        self.assertIn("VFS", crash["UMLD_DETAIL"])

    def test_start_and_stop(self):
        """The last event is told before umld ends, and a check tells nothing."""
        self.configure("boot,ready", self.script())
        self.assertEqual(self.world.check("web").returncode, DONE)
        self.assertEqual(self.told(), [])
        self.assertEqual(self.daemon().wait_ready().stop(), DONE)
        self.assertEqual(self.told()[-1]["UMLD_TO"], "stopped")
        self.assertEqual(self.told()[0]["UMLD_TO"], "preparing")
        self.assertEqual(sum(int(each["UMLD_COUNT"]) for each in self.told(event="state")), 5)
        self.assertEqual(self.told(event="crash"), [])

    def test_condition(self):
        umld = self.start("boot,ready", self.script()).wait_ready()
        self.world.host("ip", "route", "del", "default")
        wait_until(lambda: self.told(event="condition", condition="route"), 30, "a word about the route")
        self.world.host("ip", "route", "add", "default", "dev", "venet0")
        wait_until(lambda: self.told(event="condition", condition="route", to="ok"), 30, "a word that it is back")
        first = self.told(event="condition", condition="route")[0]
        self.assertEqual((first["UMLD_FROM"], first["UMLD_VERDICT"]), ("ok", ""))
        self.assertNotEqual(first["UMLD_TO"], "ok")
        self.assertIn("route", first["UMLD_DETAIL"])
        umld.stop()

    def test_fifty_crashes(self):
        """One at a time; each crash counts once."""
        umld = self.start("boot,kill:9", self.script(f"mkdir {self.place}/busy || touch {self.place}/two\n"
                                                     f"sleep 0.3\nrmdir {self.place}/busy\n"))
        self.place.chmod(0o1777)
        wait_until(lambda: (umld.status()["restarts"] or 0) >= 50, 60, "50 restarts")
        umld.stop()
        crashes = self.told(event="crash")
        restarts = umld.log.count("-> preparing") - 1
        self.assertGreaterEqual(restarts, 50)
        self.assertIn(sum(int(each["UMLD_COUNT"]) for each in crashes) - restarts, (0, 1))
        self.assertLess(len(crashes), 25)
        self.assertFalse((self.place / "two").exists())


class Trouble(HookTest):
    def assert_responsive(self, umld):
        began = time.monotonic()
        umld.status()
        self.assertLess(time.monotonic() - began, 2 * PATIENCE)

    def test_hangs(self):
        """SIGTERM does nothing to it."""
        umld = self.start("boot,ready", self.script(f"trap '' TERM\nsleep 8642 & sleep 8642\nsleep 8642 # {self.world.dir}\n"),
                          Timeout="300ms").wait_ready()
        wait_until(lambda: "killed after Timeout=300ms" in umld.log, 20, "the end of its time")
        self.assert_responsive(umld)
        umld.kill()
        wait_until(lambda: not self.processes(str(self.place / "hook")), what="the end of the hook")

    def test_daemon(self):
        """What it leaves behind is ended, whatever session it is in."""
        program = self.place / "daemon"
        program.write_text("#!/bin/sh\nsleep 8642; exit\n")
        program.chmod(0o755)
        umld = self.start("boot,ready", self.script(f"setsid {program} >/dev/null 2>&1 &\n")).wait_ready()
        wait_until(lambda: self.told(to="running"), what="the hook")
        wait_until(lambda: not self.processes(str(program)), what="the end of its daemon")
        umld.stop()
        self.assertNotIn("Notify", umld.log)

    def test_without_pid_namespaces(self):
        """As on old hosts: there it is umld-notify that finds what is left."""
        program = self.place / "daemon"
        program.write_text("#!/bin/sh\nsleep 8642; exit\n")
        program.chmod(0o755)
        self.configure("boot,ready", self.script(f"setsid {program} >/dev/null 2>&1 &\n[ $UMLD_TO != running ] || sleep 8642\n"))
        old_host = self.world.install(BUILD / "tests/guest/old-host", self.world.dir / "old-host")
        umld = self.daemon(wrapper=[old_host]).wait_ready()
        wait_until(lambda: self.told(to="running"), what="the hook")
        wait_until(lambda: len(self.processes(str(program))) == 1, what="the end of the daemon of the first one")
        umld.kill()
        wait_until(lambda: not self.processes(str(self.place)), what="the end of all with umld")

    def test_floods(self):
        umld = self.start("boot,ready", self.script("exec yes flood\n"), Timeout="1s").wait_ready()
        wait_until(self.told, what="the hook")
        self.assert_responsive(umld)
        wait_until(lambda: "killed after Timeout=1s" in umld.log, 20, "the end of its time")
        self.assertLess(umld.log.count("flood"), 3)
        umld.stop()

    def test_fails(self):
        """One line for however many failures."""
        umld = self.start("boot,wait:20,kill:9", self.script("echo no mail today >&2\nexit 3\n"))
        wait_until(lambda: len(self.told()) > 5, 30, "some runs")
        umld.stop()
        self.assertIn("failed with exit status 3: no mail today", umld.log)
        self.assertEqual(umld.log.count("failures since the last such message"), 1, umld.log)

    def test_fails_after_a_reload(self):
        """It is its own failure, and does not hide one of the command that is configured by then."""
        gate = self.place / "gate"
        umld = self.start("boot,ready", self.script(f"while [ ! -e {gate} ]; do sleep 0.05; done; exit 3\n", name="slow"))
        umld.wait_ready()
        wait_until(self.told, what="a command that runs")
        self.configure("boot,ready", self.place / "none")
        self.reload()
        gate.touch()
        wait_until(lambda: "/slow: failed with exit status 3" in umld.log, what="the failure of the first")
        self.world.umlctl("restart", "web", check=True)
        wait_until(lambda: "/none: failed with exit status 127" in umld.log, what="the failure of the second")
        self.assertEqual(umld.stop(), DONE)

    def test_cannot_be_run(self):
        """Each reload applies at once; a command that others may write is not run."""
        self.world.name_root("toor")
        umld = self.start("boot,ready", None).wait_ready()
        foreign = self.script(name="foreign")
        foreign.chmod(0o757)
        replaced = self.place / "open/hook"
        replaced.parent.mkdir()
        shutil.copy(self.script(), replaced)
        replaced.parent.chmod(0o777)
        for command, user, what in ((foreign, "nobody", f"{foreign} may be written by others"),
                                    (replaced, "nobody", f"{replaced.parent} may be written by others"),
                                    (self.place / "none", "nobody", "No such file"),
                                    (self.script(), "nobody-such", "cannot become user nobody-such: no such user"),
                                    (self.script(name="other"), "toor", "cannot become user toor: Operation not permitted")):
            self.configure("boot,ready", command, User=user)
            self.reload()
            self.world.umlctl("restart", "web", check=True)
            wait_until(lambda: what in umld.log, what=what)
            self.assertEqual(self.told(), [])
        self.assertEqual(umld.log.count("failures since the last such message"), 5)
        self.configure("boot,ready", self.place / "hook")
        self.reload()
        self.world.umlctl("restart", "web", check=True)
        wait_until(lambda: self.told(to="running"), what="the hook")
        self.assertEqual(umld.stop(), DONE)

    def crashed(self, then):
        """A guest that has crashed, whose command waits for self.gate; its events are told to it one by one."""
        gate = self.place / "gate"
        wait = f"[ $UMLD_EVENT = state ] || while [ ! -e {gate} ]; do sleep 0.1; done; echo $UMLD_EVENT:$$ >> {self.out}.done\n"
        (self.place / "out.done").touch()
        (self.place / "out.done").chmod(0o666)
        umld = self.start("boot,ready", self.script(wait), {"AdoptTimeout": "60s"}).wait_ready()
        wait_until(lambda: self.told(to="running"), what="the first commands")
        pid = umld.guest_pid()
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: self.told(event="crash"), what="the command for the crash")
        wait_until(lambda: umld.status()["state"] == "running" and umld.guest_pid() != pid, 20, "the restart")
        then(umld)
        done = self.place / "out.done"
        self.assertNotIn("crash", done.read_text())
        gate.touch()
        wait_until(lambda: "crash" in done.read_text() and len(self.told(to="running")) == 2, 20, "the commands that were waiting")
        self.assertEqual(done.read_text().count("crash"), 1)

    def test_reexec(self):
        """The command that is running goes on, as the only one, and those that wait come after it."""
        def reexec(umld):
            for _ in range(2):
                p = self.world.umlctl("reexec", "web", timeout=60)
                self.assertEqual(p.returncode, DONE, p.stderr)
        self.crashed(reexec)
        self.assertEqual(len(self.told(event="crash")), 1)
        self.assertNotIn("reexec", self.told(to="running")[-1]["UMLD_DETAIL"])

    def test_umld_killed_and_back(self):
        """The command that died with it is run again for the same event, and those that wait come after it."""
        def die(umld):
            umld.kill()
            self.daemon().wait_ready()
            wait_until(lambda: len(self.told(event="crash")) == 2, what="the same event")
        self.crashed(die)
        first, again = self.told(event="crash")
        for each in (first, again):
            each.pop("UMLD_COUNT")
        self.assertEqual(first, again)

    def test_umld_killed(self):
        umld = self.start("boot,ready", self.script(f"sleep 8642 # {self.place}\n")).wait_ready()
        wait_until(self.told, what="the hook")
        self.assertTrue(self.processes(str(self.place / "hook")))
        umld.kill()
        wait_until(lambda: not self.processes(str(self.place / "hook")), what="its end with umld")

    def test_stop_does_not_wait(self):
        """Not for its whole time."""
        umld = self.start("boot,ready", self.script(f"sleep 8642 # {self.place}\n"), Timeout="1h").wait_ready()
        wait_until(self.told, what="the hook")
        umld.signal(15)
        umld.wait_state("stopped")
        down = time.monotonic()
        self.assertEqual(umld.wait(20), DONE)
        self.assertLess(time.monotonic() - down, 7 * PATIENCE)
        self.assertEqual(self.processes(str(self.place / "hook")), [])


if __name__ == "__main__":
    main()
